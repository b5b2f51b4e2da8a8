"""The quick way in: a plain `GET /api/stream` with a bearer token is opened without the web framework.

The framework is a third of what it costs to open a stream, which counts when thousands come back at once. Whatever is
not as plain as that (a query, a cookie, a token that is refused, no room) goes the usual way, through the view.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from access.principal import Principal
from foundation.errors import AppError
from realtime.routes import PATH, ChannelsOf, listener
from realtime.stream import Opening, Streams

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Recognise = Callable[[str], Principal | None]
"""Given an `Authorization` header, tells who may read with it without further questions; raises AppError."""


class Door:
    """Opens streams for those whom it knows at a glance."""

    def __init__(self, streams: Streams, recognise: Recognise, channels_of: ChannelsOf) -> None:
        self._streams = streams
        self._recognise = recognise
        self._channels_of = channels_of

    def open(self, environ: WSGIEnvironment) -> Opening | None:
        """A stream that is subscribed already, or None when the view has to be asked."""
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING"):
            return None
        try:
            principal = self._recognise(environ.get("HTTP_AUTHORIZATION", ""))
            if principal is None:
                return None
            channels = self._channels_of(principal, ())
        except AppError:
            return None
        return self._streams.open(listener(principal, channels, environ.get("HTTP_LAST_EVENT_ID", "")), detached=True)
