"""Readers for tests of the hub, for both ways of a stream: a detached socket, or an iterator."""

from __future__ import annotations

import socket

from gevent.event import Event

from realtime.hub import Hub
from realtime.subscriber import Subscriber

WAYS = ("socket", "iterator")

_open: list[socket.socket] = []


def close_all(hub: Hub) -> None:
    """Leave nothing of a test behind."""
    for subscriber in list(hub.subscribers):
        hub.end(subscriber, "over")
    hub.sockets.stop()
    while _open:
        _open.pop().close()


class Reader:
    """Somebody who listens on a hub and can be asked what arrived."""

    def __init__(self, hub: Hub, way: str, *channels: str, who: str = "buyer:1", opened: bool = True) -> None:
        self.hub = hub
        self.subscriber = Subscriber(who, channels, Event() if way == "iterator" else None)
        self.way = way
        self.ours: socket.socket | None = None
        hub.add(self.subscriber)
        if opened:
            self.open()

    def open(self) -> None:
        """The stream has begun: what was held back may leave."""
        if self.way == "socket":
            theirs, self.ours = socket.socketpair()
            _open.append(self.ours)
            for end in (theirs, self.ours):
                end.setblocking(False)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.hub.take_socket(self.subscriber, theirs.detach())

    def read(self) -> bytes:
        """What has arrived since the last time."""
        if self.way == "iterator":
            assert self.subscriber.backlog is not None
            return self.subscriber.backlog.take()
        assert self.ours is not None
        pieces = []
        try:
            while piece := self.ours.recv(65536):
                pieces.append(piece)
        except (BlockingIOError, ConnectionResetError):
            pass
        return b"".join(pieces)

    @property
    def seqs(self) -> list[int]:
        """The numbers of the events that arrived since the last time."""
        return [
            int(line.rpartition(b".")[2])
            for line in self.read().replace(b"\r", b"").split(b"\n")
            if line.startswith(b"id:")
        ]

    def leave(self) -> None:
        if self.ours is not None:
            self.ours.close()


def rows(*seqs: int, channel: str = "buyer:1", size: int = 2) -> list[tuple[int, str, str | None, str, str]]:
    """Rows of the log, each with one event."""
    return [(seq, channel, None, "order.created", "x" * size) for seq in seqs]


def pack(last: int, *sides: int) -> tuple[int, str, str | None, str, str]:
    """A row with an event for each of these sides, 0 is seller:1 and 1 buyer:1: a common piece and one of its own."""
    recipe = ";".join(f"order.created {side} 0.{number}" for number, side in enumerate(sides, 1))
    return (
        last,
        "seller:1",
        "buyer:1",
        recipe,
        "\x1e".join(["common ", *(f"own {number}" for number in range(len(sides)))]),
    )


def parse(stream: bytes) -> list[dict[str, str]]:
    """Server-Sent Events as the WHATWG's specification reads them."""
    events = []
    for block in stream.decode().split("\n\n")[:-1]:
        fields: dict[str, list[str]] = {}
        for line in block.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        events.append({name: "\n".join(values) for name, values in fields.items()})
    return events
