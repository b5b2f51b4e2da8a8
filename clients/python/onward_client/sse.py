"""Server-Sent Events without I/O: frames from bytes, the position in the stream, and when to reconnect."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from onward_client.events import Event

SILENCE_SECONDS = 40.0
"""The service sends a heartbeat every 15 s; a connection that is silent for longer is dead."""

USUAL_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 30.0
INSIDE = ("hello", "heartbeat", "bye", "auth-expiring")
"""Events about the stream itself, which are not passed on."""


class Position:
    """How far a stream has been read, over all its connections."""

    def __init__(self, cursor: str | None, channels: tuple[str, ...]) -> None:
        self.cursor = cursor or ""
        self.path = "/api/stream" + (f"?{urlencode({'channels': ','.join(channels)})}" if channels else "")
        self.token_expires = False
        """Whether the service announced that the token will soon be refused."""

        self._retry = USUAL_RETRY_SECONDS
        self._bidden = 0.0
        """Seconds after which the service asked to reconnect, in its `bye`."""

        self._failures = 0
        self._rest = b""

    def opened(self) -> None:
        """A new connection begins with a new frame."""
        self._rest = b""
        self.token_expires = False

    def failed(self) -> None:
        """The connection could not be opened, or broke."""
        self._failures += 1

    def pause(self) -> float:
        """Seconds until the next attempt: the requested time, or a backoff."""
        bidden, self._bidden = self._bidden, 0.0
        if bidden:
            return bidden * random.uniform(1.0, 1.2)
        backoff: float = min(self._retry * 2 ** min(self._failures, 5), LONGEST_RETRY_SECONDS)
        return backoff * random.uniform(0.5, 1.0)

    def events(self, piece: bytes) -> Iterator[Event]:
        """The new events of what was received, without those that came already."""
        for type, id, data in self._frames(piece):
            self._failures = 0
            self._bidden = self._retry if type == "bye" else self._bidden
            self.token_expires = self.token_expires or type == "auth-expiring"
            if type in INSIDE:
                self.cursor = id or self.cursor
            elif _number(id) > _number(self.cursor) or type == "resync":
                self.cursor = id or self.cursor
                yield Event(id, type, data)

    def _frames(self, piece: bytes) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each frame's type, id and data, parsed as the specification says."""
        *blocks, self._rest = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
        for block in blocks:
            fields: dict[str, str] = {}
            for line in block.decode().split("\n"):
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
            if fields.get("retry", "").isdigit():
                self._retry = int(fields["retry"]) / 1000
            if "data" in fields:
                yield fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"])


def _number(cursor: str) -> tuple[int, int]:
    """Epoch and number, which increase; an invalid cursor sorts before all others."""
    epoch, _, number = cursor.partition(".")
    return (int(epoch), int(number)) if epoch.isdigit() and number.isdigit() else (0, 0)
