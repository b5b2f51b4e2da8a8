"""Responses whose head is sent together with the first piece of the body: gunicorn's, and complete ones.

gunicorn sends them separately: two system calls, two packets, and two wake-ups of the client. It also formats the date
anew for each response, although it is the same for a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi

from server import reading
from server.writing import send

SERVER = "onward"
"""The name of the server in responses: its software is not disclosed."""

DETACHED: list[bytes] = []
"""The result of a WSGI call whose connection was taken over; compared by identity."""

TakeOver = Callable[[Any], None]
"""Given a connection whose request was read, responds on it and keeps it."""

http_date = util.http_date


@dataclass(slots=True)
class PlainResponse:
    """A whole answer to a request that gunicorn did not read."""

    status: str
    """`200 OK`."""

    fields: list[tuple[str, str]]
    body: bytes


class OneSend(wsgi.Response):  # type: ignore[misc]  # gunicorn has no types
    """A response that holds back its head until there is a body to send with it."""

    headers_sent: bool
    _head = b""

    def send_headers(self) -> None:
        """Prepare the head; the caller sends a piece, or closes."""
        if not self.headers_sent:
            if reading.is_unread(self.req):
                self.force_close()
            lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
            self._head = "".join(lines).encode("latin-1")
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

    def _emit_body(self, data: bytes) -> None:
        self._emit(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def _emit(self, piece: bytes) -> None:
        piece, self._head = self._head + piece, b""
        send(self.sock, piece)


def encode(answer: PlainResponse, keep: bool) -> bytes:
    """The answer as gunicorn would have written it; `keep` says whether the connection goes on."""
    fields = "".join([f"{name}: {value}\r\n" for name, value in answer.fields])
    head = f"HTTP/1.1 {answer.status}\r\nServer: {SERVER}\r\nDate: {date()}\r\n"
    return f"{head}Connection: {'keep-alive' if keep else 'close'}\r\n{fields}\r\n".encode("latin-1") + answer.body


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
