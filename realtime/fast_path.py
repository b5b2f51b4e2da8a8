"""The quick way in: a plain `GET /api/stream` with a bearer token is opened before the server has read it.

Server and framework are most of what it costs to open a stream, which counts when thousands come back at once. Whatever
is not as plain as that (a query, a cookie, a token that is refused, no room, one opening too many) goes the usual way,
through the view.
"""

from __future__ import annotations

from collections.abc import Callable

from access.principal import Principal
from foundation import logs
from foundation.errors import AppError
from realtime import handover
from realtime.routes import HEADERS, PATH, ChannelsOf, listener
from realtime.stream import Opening, Streams
from server.requests import Plain
from server.responses import TakeOver

Recognise = Callable[[str], Principal | None]
"""Given an `Authorization` header, tells who may read with it without further questions; raises AppError."""

Count = Callable[[str], list[tuple[str, str]]]
"""Counts one read of this principal; gives the header fields that tell its rate, raises TooManyRequests beyond it."""


class StreamFastPath:
    """Opens streams for those whom it knows at a glance."""

    def __init__(self, streams: Streams, recognise: Recognise, channels_of: ChannelsOf, count: Count) -> None:
        self._streams = streams
        self._recognise = recognise
        self._channels_of = channels_of
        self._count = count

    def open(self, request: Plain) -> tuple[list[tuple[str, str]], Opening] | None:
        """The fields of the answer and a stream that is subscribed already, or None when the view has to be asked."""
        if request.path != PATH or request.method != "GET":
            return None
        # The entry that the log gets of the opening carries it too, and not the id of the request before it.
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
        return ([*HEADERS.items(), ("X-Request-ID", request_id), *rate], opening) if opening else None

    def take(self, request: Plain) -> TakeOver | None:
        """What answers this request and keeps its connection, or None when the view has to be asked."""
        if (opened := self.open(request)) is None:
            return None
        fields, opening = opened
        head = handover.encode_head("200 OK", fields)
        return lambda connection: handover.detach(connection, head, opening)
