"""A request's body has to arrive in time: who sends one byte a second would keep a greenlet for as long as it likes.

gunicorn gives a request's head 5 s and its body for ever.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import gevent
from flask import Flask

from foundation import clock
from foundation.errors import RequestTimeout

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment


def init_app(app: Flask, seconds: int) -> None:
    """Give the bodies of this application's requests so many seconds."""
    app.wsgi_app = Bodies(app.wsgi_app, seconds)  # type: ignore[method-assign]


class Bodies:
    """Wraps an application whose requests' bodies are waited for only so long."""

    def __init__(self, app: WSGIApplication, seconds: int) -> None:
        self._app = app
        self._seconds = seconds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING"):
            environ["wsgi.input"] = Body(environ["wsgi.input"], environ.get("gunicorn.socket"), self._seconds)
        return self._app(environ, start_response)


class Body:
    """What comes after the head, read within the time that is left."""

    def __init__(self, stream: InputStream, connection: socket.socket | None, seconds: float) -> None:
        self._stream = stream
        self._connection = connection
        self._seconds = seconds

    def read(self, size: int = -1) -> bytes:
        return self._in_time(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._in_time(self._stream.readline, size)

    def _in_time(self, read: Any, size: int) -> bytes:
        begun = clock.monotonic()
        try:
            with gevent.Timeout(self._seconds, RequestTimeout("The body of the request did not arrive in time.")):
                got: bytes = read(size)
        except RequestTimeout:
            self._hear_no_more()
            raise
        self._seconds = max(0.001, self._seconds - (clock.monotonic() - begun))
        return got

    def _hear_no_more(self) -> None:
        """The rest of the body is not waited for either; the answer still leaves, and the connection ends after it."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RD)
