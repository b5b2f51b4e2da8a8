"""Live events without gaps: Server-Sent Events, continued after every interruption from the last event received."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

import urllib3

from onward_client.errors import OnwardError, Unavailable
from onward_client.events import Event
from onward_client.exchange import CONNECT_SECONDS, refused, stream_headers
from onward_client.sse import SILENCE_SECONDS, Position
from onward_client.transport import Transport
from onward_client.values import Http

BROKEN = (urllib3.exceptions.HTTPError, OSError, Unavailable, ValueError)


class Listening:
    """An endless iterator of events. It reconnects after every interruption, and ends when it is closed.

    Unauthorized, if no fresh token helps, Forbidden and Invalid are raised: retrying does not help.
    """

    def __init__(self, transport: Transport, cursor: str | None, channels: tuple[str, ...]) -> None:
        self._transport = transport
        self._position = Position(cursor, channels)
        self._answer: urllib3.BaseHTTPResponse | None = None
        self._closed = threading.Event()

    @property
    def cursor(self) -> str:
        """The id of the last event; continue from it with `listen` or `events`."""
        return self._position.cursor

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """Close it, from any thread or greenlet; an iteration in progress ends at once."""
        self._closed.set()
        if self._answer is not None:
            # Not closed while the reader uses it, which would wait for it: its read ends, and it closes.
            with suppress(OSError, ValueError, RuntimeError):
                self._answer.shutdown()

    def __iter__(self) -> Iterator[Event]:
        while not self.closed:
            try:
                yield from self._until_it_breaks()
            except BROKEN:
                self._position.failed()
            self._closed.wait(self._position.pause())

    def _until_it_breaks(self) -> Iterator[Event]:
        token = self._transport.credentials.token()
        self._answer = self._open(token)
        if self._answer.status == 401 and self._transport.credentials.forget(token):
            self._answer.close()
            self._answer = self._open(token := self._transport.credentials.token())
        try:
            self._check(self._answer)
            self._position.opened()
            while not self.closed and (piece := self._answer.read1(65536)):
                yield from self._position.events(piece)
        finally:
            if self._position.token_expires:
                self._transport.credentials.forget(token)
            self._answer.close()
            self._answer = None

    def _open(self, token: str) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=SILENCE_SECONDS)
        url, headers = self._transport.url + self._position.path, stream_headers(token, self.cursor)
        return self._transport.pool.request(
            "GET", url, headers=headers, timeout=timeout, preload_content=False, redirect=False
        )

    @staticmethod
    def _check(answer: urllib3.BaseHTTPResponse) -> None:
        if answer.status != 200:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            error: OnwardError = refused(Http(answer.status, headers), answer.read())
            raise error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
