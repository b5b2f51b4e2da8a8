"""A request's body must arrive in time, complete and well-formed: one byte a second would otherwise hold a greenlet for
ever.

gunicorn limits the head to 5 s and the body not at all, and reports its errors with exceptions of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn.http.errors import NoMoreData, ParseException

from foundation import clock
from foundation.errors import MalformedRequest, RequestTimeout
from server import turns

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

BROKEN = "The chunked body cannot be parsed."
CUT_SHORT = "The body ended early."
LATE = "The body did not arrive in time."

LARGE_BYTES = 128 * 1024
"""A larger one takes milliseconds to read and check; the largest honest batch is smaller."""


class Bodies:
    """Wraps an application whose request bodies have a time limit."""

    def __init__(self, app: WSGIApplication, seconds: int) -> None:
        self._app = app
        self._seconds = seconds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH")
        if length or environ.get("HTTP_TRANSFER_ENCODING"):
            whole = int(length) if length and length.isdecimal() else None
            environ["wsgi.input"] = TimedBody(environ["wsgi.input"], whole, self._seconds)
        return self._app(environ, start_response)


class TimedBody:
    """The body, read within the remaining time."""

    def __init__(self, stream: InputStream, length: int | None, seconds: float) -> None:
        self._stream = stream
        self._missing = length
        """Bytes still to come; None if the body is chunked."""

        self._seconds = self._most_seconds = seconds
        self._bytes_per_second = 0
        self._got = 0
        """Bytes received before their turn was waited for."""

    def expect(self, bytes_per_second: int) -> None:
        """Let a body of any size take its time, as long as it arrives at this rate."""
        self._bytes_per_second = bytes_per_second

    def read(self, size: int = -1) -> bytes:
        """Up to this many bytes; raises RequestTimeout, or MalformedRequest for a body that can never be complete."""
        got = self._in_time(self._stream.read, size)
        self._count(got, ended=size < 0 or len(got) < size)
        return got

    def readline(self, size: int = -1) -> bytes:
        """One line, in the same way."""
        got = self._in_time(self._stream.readline, size)
        self._count(got, ended=not got.endswith(b"\n") and (size < 0 or len(got) < size))
        return got

    def _in_time(self, read: Any, size: int) -> bytes:
        begun = clock.monotonic()
        try:
            with gevent.Timeout(self._seconds) as limit:
                got: bytes = read(size)
        except gevent.Timeout as late:
            if late is not limit:
                raise  # somebody else's
            raise RequestTimeout(LATE) from None
        except NoMoreData as error:
            raise MalformedRequest(CUT_SHORT) from error
        except ParseException as error:
            raise MalformedRequest(BROKEN) from error
        earned = len(got) / self._bytes_per_second if self._bytes_per_second else 0.0
        left = self._seconds + earned - (clock.monotonic() - begun)
        self._seconds = min(self._most_seconds, max(0.001, left))
        return got

    def _count(self, got: bytes, ended: bool) -> None:
        """RFC 9112, section 8: a request without the end of its body is incomplete, and must not be applied."""
        self._got += len(got)
        if self._got > LARGE_BYTES and (ended or self._missing == len(got)):
            self._got = 0
            turns.bodies.wait()  # all that waited for their last byte would otherwise continue at once
        if self._missing is not None:
            self._missing -= len(got)
            if ended and self._missing > 0:
                self._stream.failed = True  # type: ignore[attr-defined]  # gunicorn's: no request comes after it
                raise MalformedRequest(CUT_SHORT)
