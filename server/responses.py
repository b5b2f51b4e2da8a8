"""Responses whose head is sent together with the first piece of the body: gunicorn's, and complete ones.

gunicorn sends them separately: two system calls, two packets, and two wake-ups of the client. It also formats the date
anew for each response, although it is the same for a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any

import prometheus_client
from gunicorn import util
from gunicorn.http import wsgi

from foundation import clock, logs
from foundation.responses import PlainResponse
from server import reading
from server.headers import REQUEST_ID
from server.writing import send

SERVER = "onward"
"""The name of the server in responses: its software is not disclosed."""

DETACHED: list[bytes] = []
"""The result of a WSGI call whose connection was taken over; compared by identity."""

SECONDS = prometheus_client.Histogram(
    "onward_request_seconds",
    "Time from a request's head to the end of its response. Streams are not among them.",
    ("reader", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
"""`reader`: `plain` or `gunicorn`; `status`: `2xx` to `5xx`."""

TakeOver = Callable[[Any], None]
"""Given a connection whose request was read, responds on it and keeps it."""

http_date = util.http_date


class OneSend(wsgi.Response):  # type: ignore[misc]  # gunicorn has no types
    """A response that holds back its head until there is a body to send with it."""

    headers_sent: bool
    _head = b""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._begun = clock.monotonic()

    def send_headers(self) -> None:
        """Prepare the head; the caller sends a piece, or closes."""
        if not self.headers_sent:
            if reading.is_unread(self.req):
                self.force_close()
            self._head = f"{''.join(self.default_headers())}{_lines(self.headers)}\r\n".encode("latin-1")
            self.headers_sent = True

    def sendfile(self, _respiter: Any) -> bool:
        """Our files are small, and are sent like everything else."""
        return False

    def close(self) -> None:
        """End the response; one without a body is only a head."""
        self.send_headers()
        if self._head:
            self._emit(b"")
        super().close()
        seconds_of("gunicorn", self.status[0]).observe(clock.monotonic() - self._begun)

    def _emit_body(self, data: bytes) -> None:
        self._emit(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def _emit(self, piece: bytes) -> None:
        piece, self._head = self._head + piece, b""
        send(self.sock, piece)


class Encoder:
    """Writes whole responses as gunicorn would have written them."""

    def __init__(self, always: Iterable[tuple[str, str]] = ()) -> None:
        """`always`: header fields that every response has, from server/headers.py."""
        self._always = _lines(always)

    def encode(self, answer: PlainResponse, keep: bool) -> bytes:
        """The response to the current request; `keep` says whether the connection goes on."""
        text = (
            f"{_begin(answer.status, keep)}{_lines(answer.fields)}"
            f"{REQUEST_ID}: {logs.request_id.get()}\r\n{self._always}\r\n"
        )
        return text.encode("latin-1") + answer.body


@cache
def seconds_of(reader: str, digit: str) -> prometheus_client.Histogram:
    """Where to note how long a response took; the library's look-up by labels costs more than the noting."""
    return SECONDS.labels(reader, f"{digit}xx")


def encode_head(status: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """A whole head of a response that ends with its connection (RFC 9112, section 6.3)."""
    return f"{_begin(status, keep=False)}{_lines(fields)}\r\n".encode("latin-1")


def _begin(status: str, keep: bool) -> str:
    connection = "keep-alive" if keep else "close"
    return f"HTTP/1.1 {status}\r\nServer: {SERVER}\r\nDate: {date()}\r\nConnection: {connection}\r\n"


def _lines(fields: Iterable[tuple[str, str]]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in fields])


def date(timestamp: float | None = None) -> str:
    """The current time in HTTP format, computed once a second; stands in for `gunicorn.util.http_date`."""
    return _date(int(time.time() if timestamp is None else timestamp))


@lru_cache(2)
def _date(second: int) -> str:
    return str(http_date(second))


def install() -> None:
    """Make gunicorn respond this way in this process."""
    wsgi.Response = OneSend
    wsgi.SERVER = SERVER
    util.http_date = date
