"""The fast path: a plain `GET /api/stream` with a bearer token, or `GET /t/<link>/stream`, is opened before gunicorn
reads it.

Server and framework are most of the cost of opening a stream, which matters when thousands reconnect at once. Any other
request (another query, a cookie, a refused token, no capacity, one connect too many) goes through the view.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from access.principal import Principal
from access.tracking_links import Followed
from foundation import logs
from foundation.errors import AppError
from realtime import handover
from realtime.link_routes import follower
from realtime.routes import HEADERS, PATH, ChannelsOf, listener
from realtime.stream import Opening, Streams
from realtime.subscriber import Listener
from server import proxies
from server.headers import REQUEST_ID
from server.requests import Plain
from server.responses import TakeOver

Recognise = Callable[[str], Principal | None]
"""Given an `Authorization` header, returns the principal if it may read without further checks; raises AppError."""

Count = Callable[[str], list[tuple[str, str]]]
"""Counts one read of this principal; returns the header fields of its rate, raises TooManyRequests beyond it."""


Follow = Callable[[str], Followed | None]
"""Given a tracking link, returns its order, or None if the database has to be asked; raises AppError."""

OF_LINK = re.compile(r"/t/(?P<link>[A-Za-z0-9_.-]{1,200})/stream(?:\?last_event_id=(?P<cursor>[0-9.]{1,40}))?")


class StreamFastPath:
    """Opens the streams of requests that need no further checks."""

    def __init__(
        self,
        streams: Streams,
        recognise: Recognise,
        channels_of: ChannelsOf,
        count: Count,
        always: list[tuple[str, str]],
        follow: Follow = lambda _: None,
        trusted_proxies: int = 0,
    ) -> None:
        """`always`: the header fields that every response has."""
        self._follow = follow
        self._trusted_proxies = trusted_proxies
        self._always = [*HEADERS.items(), *always]
        self._streams = streams
        self._recognise = recognise
        self._channels_of = channels_of
        self._count = count

    def open(self, request: Plain, peer: str = "") -> tuple[list[tuple[str, str]], Opening] | None:
        """The response's header fields and a subscribed stream, or None if the view has to handle the request."""
        of_link = OF_LINK.fullmatch(request.path)
        if (request.path != PATH and of_link is None) or request.method != "GET":
            return None
        # The log record of the connect carries it too, instead of the id of the previous request.
        request_id = logs.new_request_id(request.fields.get("x-request-id"))
        logs.request_id.set(request_id)
        try:
            found = self._follower(request, of_link, peer) if of_link else self._listener(request)
            rate = self._count(found.address or found.who) if found else []
        except AppError:
            return None
        opening = self._streams.open(found, detached=True) if found else None
        return ([*self._always, (REQUEST_ID, request_id), *rate], opening) if opening else None

    def take(self, request: Plain, connection: Any) -> TakeOver | None:
        """Handles this request and keeps its connection, or returns None if the view has to."""
        if (opened := self.open(request, _peer_of(connection) if request.path.startswith("/t/") else "")) is None:
            return None
        fields, opening = opened
        head = handover.encode_head("200 OK", fields)
        return lambda connection: handover.detach(connection, head, opening)

    def _listener(self, request: Plain) -> Listener | None:
        principal = self._recognise(request.fields.get("authorization", ""))
        if principal is None:
            return None
        return listener(principal, self._channels_of(principal, ()), request.fields.get("last-event-id", ""))

    def _follower(self, request: Plain, path: re.Match[str], peer: str) -> Listener | None:
        followed = self._follow(path["link"])
        if followed is None:
            return None
        address = proxies.client_address(peer, request.fields.get("x-forwarded-for", ""), self._trusted_proxies)
        cursor = request.fields.get("last-event-id") or path["cursor"] or ""
        return follower(followed, address, cursor, lambda: self._holds(path["link"]))

    def _holds(self, link: str) -> bool:
        try:
            return self._follow(link) is not None
        except AppError:
            return False


def _peer_of(connection: Any) -> str:
    """The address at the other end; empty for a Unix socket."""
    name = connection.getpeername()
    return str(name[0]) if isinstance(name, tuple) else ""
