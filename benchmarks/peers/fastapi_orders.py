"""The PATCH in FastAPI over asyncpg, for the two peers that differ in what follows from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg  # type: ignore[import-not-found,import-untyped,unused-ignore]
from fastapi import BackgroundTasks, FastAPI, Header, HTTPException, Response  # type: ignore[import-not-found,unused-ignore]
from pydantic import BaseModel

from benchmarks.peers import work

CONNECTIONS = 8


class NewStatus(BaseModel):
    status: str


def build(follow: Callable[[BackgroundTasks, asyncpg.Pool, work.Change], None], **server_settings: str) -> FastAPI:
    """An application that has `follow` add its background tasks after each change."""
    pools: list[asyncpg.Pool] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(
            work.DSN, min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings=server_settings
        ) as pool:
            pools.append(pool)
            yield

    async def change_status(
        order_id: int, body: NewStatus, tasks: BackgroundTasks, authorization: str = Header()
    ) -> Response:
        args = work.arguments(order_id, body.status, work.seller_of(authorization))
        row = await pools[0].fetchrow(work.CHANGE, *args)
        if row is None:
            raise HTTPException(409)
        change = dict(zip(work.COLUMNS, row.values(), strict=True))
        follow(tasks, pools[0], change)
        return Response(work.answer(change), media_type="application/json")

    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.add_api_route("/api/orders/{order_id}/status", change_status, methods=["PATCH"])
    app.add_api_route("/readyz", ready)
    return app
