"""Live events without gaps: Server-Sent Events, continued after every interruption from the last event received."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self
from urllib.parse import urlencode

import urllib3

from onward_client.errors import OnwardError, Unavailable
from onward_client.models import Event
from onward_client.transport import CONNECT_SECONDS, Transport, refusal

SILENCE_SECONDS = 40.0
"""The service sends a heartbeat every 15 s; a connection that is silent for longer is dead."""

USUAL_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 30.0
INSIDE = ("hello", "heartbeat", "bye", "auth-expiring")
"""Events about the stream itself, which are not passed on."""


class Listening:
    """An endless iterator of events. It reconnects after every interruption, and ends when it is closed.

    Unauthorized, Forbidden and Invalid are raised: retrying does not help.
    """

    def __init__(self, transport: Transport, cursor: str | None, channels: tuple[str, ...]) -> None:
        self._transport = transport
        self.cursor = cursor or ""
        """The id of the last event; continue from it with `listen` or `events`."""

        self._query = urlencode({"channels": ",".join(channels)}) if channels else ""
        self._answer: urllib3.BaseHTTPResponse | None = None
        self._retry = USUAL_RETRY_SECONDS
        self._bidden = 0.0
        """Seconds after which the service asked to reconnect, in its `bye`."""

        self._failures = 0
        self._closed = threading.Event()

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
            except (urllib3.exceptions.HTTPError, OSError, Unavailable, ValueError):
                self._failures += 1
            self._closed.wait(self._pause())

    def _pause(self) -> float:
        """Seconds until the next attempt: the requested time, or a backoff."""
        bidden, self._bidden = self._bidden, 0.0
        if bidden:
            return bidden * random.uniform(1.0, 1.2)
        backoff: float = min(self._retry * 2 ** min(self._failures, 5), LONGEST_RETRY_SECONDS)
        return backoff * random.uniform(0.5, 1.0)

    def _until_it_breaks(self) -> Iterator[Event]:
        self._answer = self._open()
        try:
            for type, id, data in self._frames(self._answer):
                self._failures = 0
                if type == "bye":
                    self._bidden = self._retry
                if type in INSIDE:
                    self.cursor = id or self.cursor
                elif _number(id) > _number(self.cursor) or type == "resync":
                    self.cursor = id or self.cursor
                    yield Event(id, type, data)
        finally:
            self._answer.close()
            self._answer = None

    def _open(self) -> urllib3.BaseHTTPResponse:
        headers = self._transport.headers() | {"Accept": "text/event-stream"}
        if self.cursor:
            headers["Last-Event-ID"] = self.cursor
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=SILENCE_SECONDS)
        url = f"{self._transport.url}/api/stream" + (f"?{self._query}" if self._query else "")
        answer = self._transport.pool.request("GET", url, headers=headers, timeout=timeout, preload_content=False)
        if answer.status == 200:
            return answer
        error: OnwardError = refusal(answer)
        answer.close()
        raise error

    def _frames(self, answer: urllib3.BaseHTTPResponse) -> Iterator[tuple[str, str, dict[str, object]]]:
        """Each frame's type, id and data, parsed as the specification says."""
        rest = b""
        while not self.closed and (piece := answer.read1(65536)):
            *blocks, rest = (rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _number(cursor: str) -> tuple[int, int]:
    """Epoch and number, which increase; an invalid cursor sorts before all others."""
    epoch, _, number = cursor.partition(".")
    return (int(epoch), int(number)) if epoch.isdigit() and number.isdigit() else (0, 0)
