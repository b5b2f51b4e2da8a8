"""A reader of live streams that follows the specification of Server-Sent Events."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from foundation import clock

PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Event:
    """One event as it came over the wire."""

    id: str
    type: str
    data: Any

    @property
    def seq(self) -> int:
        """Its number in the log."""
        return int(self.id.rpartition(".")[2])


class Stream:
    """One open connection; remembers everything that it has heard."""

    def __init__(
        self, port: int, token: str, last_event_id: str = "", query: str = "", path: str = "/api/stream"
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        cursor = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"GET {path}{query} HTTP/1.1\r\nHost: test\r\n{bearer}{cursor}\r\n"
        self._socket.sendall(head.encode())
        self.port: int = self._socket.getsockname()[1]
        """Our end's, by which a worker's connections can be told apart."""

        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = dict(self._header_lines())
        self.chunked = self.headers.get("transfer-encoding") == "chunked"
        self._rest = b""
        self.heard: list[Event] = []
        self.last_event_id = last_event_id
        self.ended = False

    def until(self, enough: Callable[[list[Event]], Any], within: float = PATIENCE_SECONDS) -> list[Event]:
        """Listen until `enough` of what was heard is true, and return all that was heard."""
        ends = clock.monotonic() + within
        while not enough(self.heard):
            self._socket.settimeout(max(0.01, ends - clock.monotonic()))
            try:
                self._listen()
            except TimeoutError:
                raise AssertionError(f"not heard within {within} s; heard {self.types}") from None
            if self.ended and not enough(self.heard):
                raise AssertionError(f"the stream ended; heard {self.types}")
        return self.heard

    def until_type(self, *types: str) -> list[Event]:
        """Listen until each of these types was heard."""
        return self.until(lambda heard: set(types) <= {event.type for event in heard})

    def until_end(self) -> list[Event]:
        """Listen until the server ends the stream."""
        return self.until(lambda _: self.ended)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.heard]

    def orders(self) -> list[Event]:
        """What was heard of orders."""
        return [event for event in self.heard if event.type.startswith("order.")]

    def _header_lines(self) -> list[tuple[str, str]]:
        lines = []
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            lines.append((name.lower(), value.strip()))
        return lines

    def _listen(self) -> None:
        piece = self._read_piece()
        if not piece:
            self.ended = True
            return
        *blocks, self._rest = (self._rest + piece).split(b"\n\n")
        for block in blocks:
            self._hear(block.decode())

    def _read_piece(self) -> bytes:
        if not self.chunked:
            return self._file.read1(65536)
        size = int(self._file.readline().strip() or b"0", 16)
        piece = self._file.read(size)
        self._file.readline()
        return piece

    def _hear(self, block: str) -> None:
        fields: dict[str, list[str]] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        if "id" in fields:
            self.last_event_id = fields["id"][-1]
        if "data" in fields:
            data = json.loads("\n".join(fields["data"]))
            self.heard.append(Event(self.last_event_id, fields.get("event", ["message"])[-1], data))

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
