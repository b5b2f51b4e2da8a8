"""The fast path: a plain `GET /api/stream` with a bearer token is opened before gunicorn reads it.

Server and framework are most of the cost of opening a stream, which matters when thousands reconnect at once. Any other
request (a query, a cookie, a refused token, no capacity, one connect too many) goes through the view.
"""

from __future__ import annotations

from collections.abc import Callable

from access.principal import Principal
from foundation import logs
from foundation.errors import AppError
from realtime import handover
from realtime.routes import HEADERS, PATH, ChannelsOf, listener
from realtime.stream import Opening, Streams
from server.headers import REQUEST_ID
from server.requests import Plain
from server.responses import TakeOver

Recognise = Callable[[str], Principal | None]
"""Given an `Authorization` header, returns the principal if it may read without further checks; raises AppError."""

Count = Callable[[str], list[tuple[str, str]]]
"""Counts one read of this principal; returns the header fields of its rate, raises TooManyRequests beyond it."""


class StreamFastPath:
    """Opens the streams of requests that need no further checks."""

    def __init__(
        self,
        streams: Streams,
        recognise: Recognise,
        channels_of: ChannelsOf,
        count: Count,
        always: list[tuple[str, str]],
    ) -> None:
        """`always`: the header fields that every response has."""
        self._always = [*HEADERS.items(), *always]
        self._streams = streams
        self._recognise = recognise
        self._channels_of = channels_of
        self._count = count

    def open(self, request: Plain) -> tuple[list[tuple[str, str]], Opening] | None:
        """The response's header fields and a subscribed stream, or None if the view has to handle the request."""
        if request.path != PATH or request.method != "GET":
            return None
        # The log record of the connect carries it too, instead of the id of the previous request.
        request_id = logs.new_request_id(request.fields.get("x-request-id"))
        logs.request_id.set(request_id)
        try:
            principal = self._recognise(request.fields.get("authorization", ""))
            if principal is None:
                return None
            channels = self._channels_of(principal, ())
            rate = self._count(principal.who)
        except AppError:
            return None
        cursor = request.fields.get("last-event-id", "")
        opening = self._streams.open(listener(principal, channels, cursor), detached=True)
        return ([*self._always, (REQUEST_ID, request_id), *rate], opening) if opening else None

    def take(self, request: Plain) -> TakeOver | None:
        """Handles this request and keeps its connection, or returns None if the view has to."""
        if (opened := self.open(request)) is None:
            return None
        fields, opening = opened
        head = handover.encode_head("200 OK", fields)
        return lambda connection: handover.detach(connection, head, opening)
