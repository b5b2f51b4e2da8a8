"""The client of a stream, the connection on which it receives events, and its backlog.

There may be ten thousand in a process, nearly all of them idle: every byte of one counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gevent.event import Event

from foundation import clock

BACKLOG_BYTES = 64 * 1024
"""Maximum backlog of one subscriber. A slower one is dropped, reconnects with its cursor and loses nothing."""

NO_SOCKET = -1


@dataclass(frozen=True)
class Listener:
    """The client of a stream, and its cursor."""

    who: str
    channels: tuple[str, ...]
    last_event_id: str = ""
    expires_at: float | None = None
    credential: str = ""
    counted: bool = True
    """Whether the limit per user applies."""

    address: str = ""
    """The client's address where streams are limited by it; empty where they are not."""

    may_still: Callable[[], bool] | None = None
    """Asked once it is subscribed: whether it may, where a right that is lost meanwhile is not noticed otherwise."""

    via: str | None = None
    """By what its principal came: `person:12`, `key:5`; None for a plain token."""


class Backlog:
    """What could not be written yet, in order."""

    __slots__ = ("frames", "moved_at", "size", "wake")

    def __init__(self, wake: Event | None = None) -> None:
        self.frames: deque[bytes] = deque()
        self.size = 0
        self.moved_at = clock.monotonic()
        """When it last got shorter, or was created."""

        self.wake = wake

    def put(self, piece: bytes) -> bool:
        """Add this; False if it exceeds the limit."""
        self.frames.append(piece)
        self.size += len(piece)
        if self.wake is not None:
            self.wake.set()
        return self.size <= BACKLOG_BYTES

    def take(self) -> bytes:
        """Take the whole backlog at once."""
        taken = b"".join(self.frames)
        self.frames.clear()
        self.size = 0
        self.moved_at = clock.monotonic()
        return taken


class Subscriber:
    """The channels of a connection, and the socket to write to.

    Without a backlog, every event is written to the socket at once. With one, events wait in it: while the stream is
    being opened, while the socket is full, and always if a WSGI server writes what an iterator yields.
    """

    __slots__ = (
        "address",
        "backlog",
        "bytes",
        "channels",
        "closed_for",
        "credential",
        "ends_at",
        "ends_for",
        "events",
        "fd",
        "opened_at",
        "record",
        "who",
    )

    def __init__(self, who: str, channels: tuple[str, ...], wake: Event | None = None) -> None:
        self.who = who
        self.channels = channels
        self.fd = NO_SOCKET
        self.backlog: Backlog | None = Backlog(wake)
        self.opened_at = clock.monotonic()
        self.ends_at = float("inf")
        self.ends_for = "renew"
        """The next scheduled event of the stream: renew, auth-expiring (and after that, expired)."""

        self.credential = ""
        """The name by which the stream's credential can be revoked; empty if it has none."""

        self.address = ""
        """The address among whose streams it is counted; empty if it is not."""

        self.closed_for = ""
        """Why it accepts nothing more; empty while it does."""

        self.record = 0
        """The number under which it is recorded (realtime/readers.py); 0 if it is not."""

        self.events = 0
        self.bytes = 0

    @property
    def iterated(self) -> bool:
        """Whether a WSGI server writes for it."""
        return self.backlog is not None and self.backlog.wake is not None
