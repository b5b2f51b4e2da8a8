"""The quick way in: a plain `GET /api/stream` with a bearer token is opened before the server has read it.

Server and framework are most of what it costs to open a stream, which counts when thousands come back at once. Whatever
is not as plain as that (a query, a cookie, a token that is refused, no room) goes the usual way, through the view.
"""

from __future__ import annotations

from collections.abc import Callable

from access.principal import Principal
from foundation import logs
from foundation.errors import AppError
from foundation.plain import Plain
from realtime.routes import PATH, ChannelsOf, listener
from realtime.stream import Opening, Streams

Recognise = Callable[[str], Principal | None]
"""Given an `Authorization` header, tells who may read with it without further questions; raises AppError."""


class Door:
    """Opens streams for those whom it knows at a glance."""

    def __init__(self, streams: Streams, recognise: Recognise, channels_of: ChannelsOf) -> None:
        self._streams = streams
        self._recognise = recognise
        self._channels_of = channels_of

    def open(self, request: Plain) -> Opening | None:
        """A stream that is subscribed already, or None when the view has to be asked."""
        if request.path != PATH or request.method != "GET":
            return None
        # The entry that the log gets of the opening carries it too, and not the id of the request before it.
        logs.request_id.set(logs.new_request_id(request.fields.get("x-request-id")))
        try:
            principal = self._recognise(request.fields.get("authorization", ""))
            if principal is None:
                return None
            channels = self._channels_of(principal, ())
        except AppError:
            return None
        return self._streams.open(listener(principal, channels, request.fields.get("last-event-id", "")), detached=True)
