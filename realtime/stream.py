"""Opening a stream: hello, what was missed, then live, through a detached socket or an ordinary WSGI iterator.

It subscribes first and replays second, so nothing falls between; the replay ends where the subscription began, so
nothing comes twice. Before both, this process comes up to where the reader stands. Nothing holds a database connection
while it waits.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from gevent.event import Event

from foundation import clock
from realtime import sse
from realtime.feed import Feed
from realtime.heartbeats import EXPIRING, EXPIRY_WARNING_SECONDS, HEARTBEAT_SECONDS, Rights, bye
from realtime.hub import GONE, Hub
from realtime.limits import Limits
from realtime.replay import OutOfReach, Replays, Start, TooBusy
from realtime.subscriber import Subscriber

LIFETIME_SECONDS = 600.0
"""Connections are renewed after 10 minutes, give or take a fifth, so that load spreads and rights are asked again."""

RETRY_MS = 2000
"""How long a client waits that has lost its connection without a word; its own clock spreads the herd no further."""

BEGIN_SECONDS = 2.0
"""How long a stream waits until a process that was just started has reached the log; a dead worker's readers come at
once."""


@dataclass(frozen=True)
class Listener:
    """Who opens a stream, and where it left off."""

    who: str
    channels: tuple[str, ...]
    last_event_id: str = ""
    expires_at: float | None = None
    credential: str = ""
    counted: bool = True
    """Whether the limit per person holds for it."""


class Streams:
    """Opens streams on this process's hub."""

    def __init__(
        self,
        hub: Hub,
        feed: Feed,
        replays: Replays,
        limits: Limits,
        rights: Rights,
        version: str,
        lifetime: float = LIFETIME_SECONDS,
    ) -> None:
        self._hub = hub
        self._feed = feed
        self._replays = replays
        self._limits = limits
        self._rights = rights
        self._version = version
        self._lifetime = lifetime
        self.draining = False

    def open(self, listener: Listener, detached: bool = False) -> Opening | None:
        """A stream that is subscribed already, or None when there is no room for it now.

        Nor when somebody lost a right while it waited: who has just been let in may not be any more, and asks again.
        """
        rights = self._rights.rights_version
        try:
            start = self._replays.start(listener.last_event_id) if self._feed.begun(BEGIN_SECONDS) else None
        except TooBusy:
            return None
        if start is None or self.draining or rights != self._rights.rights_version:
            return None
        if not self._limits.admit(listener, detached):
            return None
        subscriber = Subscriber(listener.who, listener.channels, None if detached else Event())
        subscriber.credential = listener.credential
        self._set_end(subscriber, listener)
        self._hub.add(subscriber)
        return Opening(self, subscriber, listener.last_event_id, start, self._feed.position)

    def refusal(self, reason: str = "overloaded") -> bytes:
        """All that a stream says which is not opened. Not a 503 or 429: EventSource never comes back after one."""
        return bye("restart" if self.draining else reason, len(self._hub.subscribers))

    def drain(self, reason: str = "restart") -> None:
        """Tell every stream that it ends here, and open no more."""
        self.draining = True
        streams = len(self._hub.subscribers)
        self._hub.end_all(reason, lambda: bye(reason, streams))

    def start_of(self, subscriber: Subscriber, last_event_id: str, start: Start, through: int) -> Iterator[bytes]:
        """Hello, then what was missed up to and with `through`."""
        replayed = 0
        yield self._hello(start, through)
        try:
            for rows in self._replays.pages(subscriber.channels, start.seq, through) if start.resuming else ():
                replayed += len(rows)
                yield b"".join(sse.encode(event, data, self._id(seq)) for seq, _, event, data in rows)
        except OutOfReach as reason:
            yield self._resync(str(reason), through)
        except TooBusy:
            self._hub.break_off(subscriber, "overloaded", bye("overloaded", len(self._hub.subscribers)))
        subscriber.events += replayed
        self._hub.access_log.opened(subscriber, last_event_id, replayed)

    def take(self, subscriber: Subscriber, fd: int) -> None:
        """The socket is ours now: what has come meanwhile leaves, and then everything at once."""
        self._hub.take_socket(subscriber, fd)

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a subscriber whose reader is gone."""
        self._hub.remove(subscriber, GONE)

    def _set_end(self, subscriber: Subscriber, listener: Listener) -> None:
        now = clock.monotonic()
        subscriber.ends_at = now + self._lifetime * random.uniform(0.8, 1.2)
        if listener.expires_at is not None:
            warn_at = now + listener.expires_at - clock.unix_seconds() - EXPIRY_WARNING_SECONDS
            if warn_at < subscriber.ends_at:
                subscriber.ends_at, subscriber.ends_for = warn_at, EXPIRING

    def _hello(self, start: Start, through: int) -> bytes:
        # A resuming reader keeps its own cursor until the replay has moved it: were it to take the head's id
        # and lose the connection here, the replay would be skipped.
        greeting = {
            "at": clock.now(),
            "epoch": self._feed.epoch,
            "head": self._id(through),
            "heartbeat_seconds": HEARTBEAT_SECONDS,
            "version": self._version,
        }
        id = "" if start.resuming else self._id(through)
        hello = sse.encode_json("hello", greeting, id, retry_ms=RETRY_MS)
        return hello + self._resync(start.resync, through) if start.resync else hello

    def _resync(self, reason: str, seq: int) -> bytes:
        return sse.encode_json("resync", {"at": clock.now(), "reason": reason}, self._id(seq))

    def _id(self, seq: int) -> str:
        return str(sse.Cursor(self._feed.epoch, seq))


class Opening:
    """A stream between its subscription and its first live event."""

    def __init__(
        self, streams: Streams, subscriber: Subscriber, last_event_id: str, start: Start, through: int
    ) -> None:
        self._streams = streams
        self._last_event_id = last_event_id
        self._start = start
        self._through = through
        self.subscriber = subscriber

    def first(self) -> Iterator[bytes]:
        """What is sent before anything live."""
        for piece in self._streams.start_of(self.subscriber, self._last_event_id, self._start, self._through):
            self.subscriber.bytes += len(piece)
            yield piece

    def hand_over(self, fd: int) -> None:
        """Give the hub the socket on which `first` was sent."""
        self._streams.take(self.subscriber, fd)

    def give_up(self) -> None:
        """Nobody reads this stream any more."""
        self._streams.leave(self.subscriber)

    def __iter__(self) -> Iterator[bytes]:
        """The whole stream for a WSGI server that writes what it is given; several events in one piece."""
        backlog = self.subscriber.backlog
        assert backlog is not None
        assert backlog.wake is not None
        try:
            yield from self.first()
            while True:
                backlog.wake.wait()
                backlog.wake.clear()
                if waiting := backlog.take():
                    yield waiting
                if self.subscriber.closed_for:
                    return
        finally:
            self.give_up()
