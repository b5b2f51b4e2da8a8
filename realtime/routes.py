"""`GET /api/stream` and `GET /api/events`: the caller's channels as Server-Sent Events, and page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pydantic
from flask import Response, request
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.principal import Principal
from foundation.contract import LARGEST_ID, Answer, Headers, Query, example, example_of, typed
from foundation.documentation import documented
from foundation.errors import Forbidden, InvalidRequest, TooManyRequests
from foundation.paging import link_next
from realtime import polling
from realtime.events import EVENT_ID, HelloEvent
from realtime.log import PAGE, EventLog
from realtime.polling import PLACE, CursorExpired
from realtime.sockets import limit_buffers
from realtime.stream import Streams
from realtime.subscriber import Listener

CAN_DETACH = "onward.can_detach"
"""In the environment: whether the socket may be detached."""

OPENING = "onward.opening"
"""Left there by the view: the stream that continues on the detached socket."""

TAG = {"name": "Live", "description": "Events as they happen, and the log of them page by page."}
PATH = "/api/stream"
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}

MOST_CHANNELS = 100
CHANNELS = r"^[a-z]{1,16}(:[0-9]{1,19})?(,[a-z]{1,16}(:[0-9]{1,19})?)*$|^$"

CHANNELS_CHARACTERS = 30 * MOST_CHANNELS
"""Enough for as many channels as are read, and within a request line of 4 KB: the longest channel has 28."""

ChannelsOf = Callable[[Principal, tuple[str, ...]], tuple[str, ...]]
"""The channels of a principal, given those it requested (none: all of its own); raises Forbidden."""


class StreamQuery(Query):
    """EventSource cannot set a header on its first request, so the cursor may be in the query; the header takes
    precedence."""

    last_event_id: str = pydantic.Field(
        "",
        max_length=64,
        description="Id of the last event received, or the `Onward-Cursor` of a read.",
        examples=[EVENT_ID],
    )
    ticket: str = pydantic.Field(
        "",
        max_length=100,
        description="A ticket from `POST /api/stream-tickets`, for clients that cannot send headers.",
        examples=["st_5e6f7a8b9c0d1e2f"],
    )
    channels: str = pydantic.Field(
        "",
        max_length=CHANNELS_CHARACTERS,
        pattern=CHANNELS,
        description="Comma-separated channels, a subset of the caller's own; the role `service` must name some.",
        examples=["seller:1"],
    )
    attempt: int = pydantic.Field(
        0,
        ge=0,
        le=LARGEST_ID,
        description="Any number, another one for each attempt: a browser, or a proxy, that waits for the answer to the "
        "same URL over a dead connection opens a new one. It is not read.",
        examples=[1],
    )


class StreamHeaders(Headers):
    """The cursor that EventSource sends when it reconnects."""

    last_event_id: str = pydantic.Field(
        "",
        alias="Last-Event-ID",
        description="Id of the last event received, or the `Onward-Cursor` of a read; missed events are sent first.",
        examples=[EVENT_ID],
    )


class EventsQuery(Query):
    """Where to continue, and how far."""

    after: str = pydantic.Field(
        "",
        max_length=40,
        description="The `next_cursor` of the previous page, the id of an event, or the `Onward-Cursor` of a "
        "read; a bare number belongs to the current epoch. Without it: from the oldest event that is stored.",
        examples=["0"],
        json_schema_extra={"pattern": f"^({PLACE.pattern})?$"},
    )
    channels: str = pydantic.Field(
        "", max_length=CHANNELS_CHARACTERS, pattern=CHANNELS, description="As for the stream.", examples=["seller:1"]
    )
    limit: int = pydantic.Field(100, ge=1, le=PAGE, description="Events per page.", examples=[100])


class LiveEvent(Answer):
    """One event of the log."""

    model_config = example(
        id=EVENT_ID,
        channel="seller:1",
        type="order.created",
        data={"type": "order.created", "at": "2026-11-24T09:30:00.123456+00:00"},
    )

    id: str = pydantic.Field(description="Its cursor.", examples=[EVENT_ID])
    channel: str = pydantic.Field(description="To whom it was sent.", examples=["seller:1"])
    type: str = pydantic.Field(description="The known types are listed, and new ones may be added.")
    data: Any
    """foundation/event_schemas.py says what it contains."""


class LiveEventPage(Answer):
    """Events in commit order. `next_cursor` is always present; `more` says that the next page is available now."""

    model_config = example(events=[example_of(LiveEvent)], next_cursor=EVENT_ID, more=False)

    events: list[LiveEvent]
    next_cursor: str
    more: bool


def blueprints(
    streams: Streams, log: EventLog, channels_of: ChannelsOf, channels_to_poll: ChannelsOf
) -> tuple[APIBlueprint, APIBlueprint]:
    """The stream, and the events page by page; `channels_of` is passed in."""
    return _streaming(streams, channels_of), _polling(log, channels_to_poll)


def _streaming(streams: Streams, channels_of: ChannelsOf) -> APIBlueprint:
    routes = APIBlueprint("realtime", __name__, abp_tags=[TAG])
    guards.protect(routes, tickets=True)

    @routes.get(
        PATH, summary="Stream live events", **documented({"text/event-stream": example_of(HelloEvent)}, Forbidden)
    )
    @typed
    def stream_events(query: StreamQuery, header: StreamHeaders) -> Response:
        """Server-Sent Events in commit order, with an exact cursor: `event` is the type, `id` the cursor, and the
        schema that of `data`. docs/realtime.md explains them."""
        principal, wanted = guards.current(), _named(query.channels)
        try:
            guards.count(principal, reading=True)
        except TooManyRequests as refused:
            return Response(streams.refusal("too many requests"), headers=HEADERS | refused.headers)
        cursor = header.last_event_id or query.last_event_id
        return answer(streams, listener(principal, channels_of(principal, wanted), cursor))

    return routes


def answer(streams: Streams, listener: Listener) -> Response:
    """The response to the current request that is a stream, or its refusal."""
    if request.method == "HEAD":
        return Response(headers=HEADERS)
    detached = bool(request.environ.get(CAN_DETACH))
    opening = streams.open(listener, detached)
    if opening is None:
        return Response(streams.refusal(), headers=HEADERS)
    if detached:
        request.environ[OPENING] = opening
        return Response(headers=HEADERS)
    if connection := request.environ.get("gunicorn.socket"):
        limit_buffers(connection)
    return Response(opening, headers=HEADERS, direct_passthrough=True)


def _polling(log: EventLog, channels_of: ChannelsOf) -> APIBlueprint:
    routes = APIBlueprint("events", __name__, abp_tags=[TAG])
    guards.protect(routes, area="realtime")  # a read like any other, for which a ticket is not accepted

    @routes.get(
        "/api/events",
        summary="List past live events",
        **documented(LiveEventPage, Forbidden, CursorExpired, headers=("Link",)),
    )
    @typed
    def list_events(query: EventsQuery) -> Response:
        """Stored for RETENTION_HOURS. Operators and services get the events of all sellers: each change once."""
        channels = channels_of(guards.current(), _named(query.channels))
        page = polling.page(log, channels, query.after, query.limit)
        cursor, more = str(page.cursor), "true" if page.more else "false"
        body = f'{{"events":[{",".join(page.events)}],"next_cursor":"{cursor}","more":{more}}}'
        return link_next(Response(body, content_type="application/json"), cursor if page.more else None, "after")

    return routes


def listener(principal: Principal, channels: tuple[str, ...], cursor: str) -> Listener:
    """A listener on these channels from this cursor on."""
    who = principal.who
    # Share one string instead of keeping two equal ones for as long as the stream lasts.
    channels = tuple(who if channel == who else channel for channel in channels)
    counted = principal.role != "service"
    return Listener(who, channels, cursor, principal.expires_at, principal.credential, counted, via=principal.via)


def _named(channels: str) -> tuple[str, ...]:
    """The channels that were asked for, each once; raises InvalidRequest if they are too many."""
    named = tuple(dict.fromkeys(channels.split(","))) if channels else ()
    if len(named) > MOST_CHANNELS:
        why = f"at most {MOST_CHANNELS} channels, not {len(named)}"
        raise InvalidRequest(f"channels: {why}.", {"errors": [{"field": "channels", "message": why}]})
    return named
