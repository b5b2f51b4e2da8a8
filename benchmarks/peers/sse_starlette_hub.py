"""sse-starlette on uvicorn: a queue for each stream, and a POST that fills those of a channel."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent  # type: ignore[import-not-found,unused-ignore]
from starlette.applications import Starlette  # type: ignore[import-not-found,unused-ignore]
from starlette.requests import Request  # type: ignore[import-not-found,unused-ignore]
from starlette.responses import JSONResponse, Response  # type: ignore[import-not-found,unused-ignore]
from starlette.routing import Route  # type: ignore[import-not-found,unused-ignore]

MOST_WAITING = 1000

queues: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)


async def listen(request: Request) -> Response:
    return EventSourceResponse(heard(request.query_params["channel"]))


async def heard(channel: str) -> AsyncIterator[ServerSentEvent]:
    queue: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
    queues[channel].add(queue)
    try:
        while True:
            yield ServerSentEvent(await queue.get(), event="order.status_changed")
    finally:
        queues[channel].discard(queue)


async def publish(request: Request) -> Response:
    data = (await request.body()).decode()
    for queue in queues[request.query_params["channel"]]:
        queue.put_nowait(data)
    return Response(status_code=202)


async def ready(_request: Request) -> Response:
    return JSONResponse({"status": "ready"})


app = Starlette(
    routes=[
        Route("/stream", listen),
        Route("/publish", publish, methods=["POST"]),
        Route("/readyz", ready),
    ]
)
