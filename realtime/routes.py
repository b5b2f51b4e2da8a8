"""`GET /api/stream`: the caller's channels as Server-Sent Events."""

from __future__ import annotations

from collections.abc import Callable

import pydantic
from flask import Response, request
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.principal import Principal
from foundation.contract import Query, typed
from realtime.handover import CAN_DETACH, OPENING
from realtime.stream import Listener, Streams

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}

MOST_CHANNELS = 100

ChannelsOf = Callable[[Principal, tuple[str, ...]], tuple[str, ...]]
"""What a principal hears, given the channels it asked for (none: all that are its own); raises Forbidden."""


class StreamQuery(Query):
    """EventSource can set no header on its first request, so the cursor may stand here; the header wins."""

    last_event_id: str = pydantic.Field("", max_length=64, description="Id of the last event received.")
    channels: str = pydantic.Field(
        "",
        max_length=4096,
        pattern=r"^[a-z]{1,16}(:[0-9]{1,19})?(,[a-z]{1,16}(:[0-9]{1,19})?)*$|^$",
        description="Comma-separated channels, where they are to be fewer than all of the caller's own; "
        "the role `service` names any, and has to.",
    )


def blueprint(streams: Streams, channels_of: ChannelsOf) -> APIBlueprint:
    """The stream's route; which channels a principal hears is told from above."""
    routes = APIBlueprint("realtime", __name__, abp_tags=[{"name": "Live"}])
    guards.protect(routes)

    @routes.get("/api/stream", summary="Hear your orders live", responses={200: {"content": {"text/event-stream": {}}}})
    @typed
    def stream(query: StreamQuery) -> Response:
        if request.method == "HEAD":
            return Response(headers=HEADERS)
        detached = bool(request.environ.get(CAN_DETACH))
        opening = streams.open(_listener(query), detached)
        if opening is None:
            return Response(streams.refusal(), headers=HEADERS)
        if detached:
            request.environ[OPENING] = opening
            return Response(headers=HEADERS)
        return Response(opening, headers=HEADERS, direct_passthrough=True)

    def _listener(query: StreamQuery) -> Listener:
        principal = guards.current()
        wanted = tuple(dict.fromkeys(query.channels.split(",")))[:MOST_CHANNELS] if query.channels else ()
        channels = channels_of(principal, wanted)
        cursor = request.headers.get("Last-Event-ID") or query.last_event_id
        who = f"{principal.role}:{principal.id}"
        # The one string is held instead of two equal ones, for as long as the stream lasts.
        channels = tuple(who if channel == who else channel for channel in channels)
        return Listener(who, channels, cursor, principal.expires_at, counted=principal.role != "service")

    return routes
