"""A reader of streams that follows the specification exactly (WHATWG HTML, section 9.2.6), whatever is in them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from access.principal import Role
from chaos.service import Service

LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class Frame:
    """One dispatched event."""

    type: str
    id: str
    data: dict[str, Any]


@dataclass
class Parser:
    """Turns bytes into events; an event in two pieces is complete when its end arrives."""

    _rest: bytes = b""
    _fields: dict[str, list[str]] = field(default_factory=dict)

    def take(self, piece: bytes) -> list[Frame]:
        """The events that end in this piece."""
        # A carriage return at the end may be the first half of a line break.
        text = self._rest + piece
        whole = text[:-1] if text.endswith(b"\r") else text
        *lines, rest = LINE_END.split(whole)
        self._rest = rest + text[len(whole) :]
        return [frame for line in lines if (frame := self._line(line.decode("utf-8", "replace")))]

    def _line(self, line: str) -> Frame | None:
        if line:
            name, _, value = line.partition(":")
            self._fields.setdefault(name, []).append(value.removeprefix(" "))
            return None
        fields, self._fields = self._fields, {}
        if "data" not in fields:
            return None
        data = orjson.loads("\n".join(fields["data"]))
        return Frame(fields.get("event", ["message"])[-1], fields.get("id", [""])[-1], data)


def connect(service: Service, token: str, cursor: str = "", seconds: float = 10.0) -> socket.socket:
    """An open stream of which nothing was read yet."""
    connection = socket.create_connection(("127.0.0.1", service.port), seconds)
    last = f"Last-Event-ID: {cursor}\r\n" if cursor else ""
    # HTTP/1.0, so that the body is not cut into chunks.
    connection.sendall(f"GET /api/stream HTTP/1.0\r\nAuthorization: Bearer {token}\r\n{last}\r\n".encode())
    return connection


def read(connection: socket.socket) -> Iterator[Frame]:
    """What it sends until it ends, or until nothing comes for too long."""
    head, parser = b"", Parser()
    with suppress(OSError):
        while b"\r\n\r\n" not in head and (piece := connection.recv(65536)):
            head += piece
        piece = head.partition(b"\r\n\r\n")[2]
        while True:
            yield from parser.take(piece)
            piece = connection.recv(65536)
            if not piece:
                return


def frames(service: Service, role: Role, id: int, cursor: str = "", seconds: float = 10.0) -> Iterator[Frame]:
    """The events of a principal's stream."""
    with connect(service, service.token(role, id), cursor, seconds) as connection:
        yield from read(connection)
