"""`GET /api/stream`: the caller's channels as Server-Sent Events."""

from __future__ import annotations

from collections.abc import Callable

import pydantic
from flask import Response, request
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.principal import Principal
from foundation.contract import Query, typed
from realtime.stream import Listener, Streams

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class StreamQuery(Query):
    """EventSource can set no header on its first request, so the cursor may stand here; the header wins."""

    last_event_id: str = pydantic.Field("", max_length=64, description="Id of the last event received.")


def blueprint(streams: Streams, channels_of: Callable[[Principal], tuple[str, ...]]) -> APIBlueprint:
    """The stream's route; which channels a principal hears is told from above."""
    routes = APIBlueprint("realtime", __name__, abp_tags=[{"name": "Live"}])
    guards.protect(routes)

    @routes.get("/api/stream", summary="Hear your orders live", responses={200: {"content": {"text/event-stream": {}}}})
    @typed
    def stream(query: StreamQuery) -> Response:
        principal = guards.current()
        cursor = request.headers.get("Last-Event-ID") or query.last_event_id
        listener = Listener(channels_of(principal), cursor, principal.expires_at)
        return Response(streams.open(listener), headers=HEADERS, direct_passthrough=True)

    return routes
