"""Readers of live streams that reconnect with their cursor whenever they are disconnected."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import gevent
import orjson

from access.principal import Role
from chaos.service import Service

SILENCE_SECONDS = 25.0
"""Longer than the heartbeat: a stream that is silent for this long is dead."""

COME_BACK_SECONDS = 0.2


@dataclass(frozen=True)
class Heard:
    """One event, as far as it is counted."""

    seq: int
    type: str
    order: int
    version: int
    lag: float
    """Seconds from the change's own time to its arrival here."""


@dataclass
class Reader:
    """One reader's stream, over all its connections."""

    service: Service
    role: Role
    id: int
    heard: list[Heard] = field(default_factory=list)
    cursor: str = ""
    begun_at: int = -1
    """The number up to which everything has to be received; -1 until the first hello."""

    lags: list[float] = field(default_factory=list)
    """Of the order events since it was last cleared, in seconds."""

    connections: int = 0
    greetings: int = 0
    """Connections on which the stream has begun."""

    resyncs: int = 0
    local_port: int = 0

    def __post_init__(self) -> None:
        self._token = self.service.token(self.role, self.id)
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._socket: socket.socket | None = None

    @property
    def channel(self) -> str:
        """Its channel."""
        return f"{self.role}:{self.id}"

    def start(self) -> None:
        """Start reading."""
        self._greenlet = gevent.spawn(self._listen)

    def stop(self) -> None:
        """Stop reading."""
        if self._greenlet is not None:
            self._greenlet.kill()
        if self._socket is not None:
            self._socket.close()

    def _listen(self) -> None:
        while True:
            with contextlib.suppress(OSError, ValueError):
                self._read()
            gevent.sleep(COME_BACK_SECONDS)

    def _read(self) -> None:
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=SILENCE_SECONDS) as self._socket:
            self.local_port = self._socket.getsockname()[1]
            cursor = f"Last-Event-ID: {self.cursor}\r\n" if self.cursor else ""
            # HTTP/1.0, so that the body is not cut into chunks.
            head = f"GET /api/stream HTTP/1.0\r\nAuthorization: Bearer {self._token}\r\n{cursor}\r\n"
            self._socket.sendall(head.encode())
            self.connections += 1
            rest = b""
            while piece := self._socket.recv(65536):
                *blocks, rest = (rest + piece.replace(b"\r\n", b"\n")).split(b"\n\n")
                for block in blocks:
                    self._hear(block.decode())

    def _hear(self, block: str) -> None:
        fields = dict(line.partition(": ")[::2] for line in block.split("\n"))
        if "event" not in fields:
            return
        id, type, data = fields.get("id", ""), fields["event"], orjson.loads(fields["data"])
        self.cursor = id or self.cursor
        self.greetings += type == "hello"
        if type == "hello" and self.begun_at < 0:
            self.begun_at = int(id.rpartition(".")[2])
        elif type == "resync":
            self.resyncs += 1
        elif type not in ("hello", "heartbeat", "bye"):
            self.heard.append(_heard(int(id.rpartition(".")[2]), type, data))
            if type == "order.status_changed":
                self.lags.append(self.heard[-1].lag)


def _heard(seq: int, type: str, data: dict[str, Any]) -> Heard:
    order = data.get("order") or {}
    said = datetime.fromisoformat(data["at"]).timestamp() if "at" in data else time.time()
    return Heard(seq, type, order.get("id", 0), order.get("version", 0), time.time() - said)
