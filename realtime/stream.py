"""Opening a stream: hello, the missed events, then live, through a detached socket or an ordinary WSGI iterator.

It subscribes first and replays second, so nothing is lost in between; the replay ends where the subscription began, so
nothing is repeated. Before both, this process catches up with the client's cursor. Nothing holds a database connection
while it waits.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from gevent.event import Event

from foundation import clock
from realtime import followed, sse
from realtime.feed import Feed
from realtime.heartbeats import EXPIRING, EXPIRY_WARNING_SECONDS, HEARTBEAT_SECONDS, Rights, bye
from realtime.hub import GONE, Hub
from realtime.limits import StreamLimits
from realtime.packs import Event as LoggedEvent
from realtime.replay import OutOfReach, Replays, Start, TooBusy
from realtime.subscriber import Listener, Subscriber

LIFETIME_SECONDS = 600.0
"""Connections are renewed after 10 minutes ± 20 %, so that load spreads and access is checked again."""

RETRY_MS = 2000
"""How long a client waits after a lost connection; its own clock adds no further spread."""

BEGIN_SECONDS = 2.0
"""How long a stream waits until a process that has just started has read the log; a dead worker's clients reconnect at
once."""


class Streams:
    """Opens streams on this process's hub."""

    def __init__(
        self,
        hub: Hub,
        feed: Feed,
        replays: Replays,
        limits: StreamLimits,
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
        """A subscribed stream, or None if there is no capacity for it now.

        Also None if a right was revoked while it waited: it may be this client's, which has to check again.
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
        subscriber.credential, subscriber.address = listener.credential, listener.address
        self._set_end(subscriber, listener)
        self._hub.add(subscriber)
        if listener.may_still is not None and not listener.may_still():
            self.leave(subscriber)
            return None
        through = self._feed.position
        self._hub.readers.opened(subscriber, listener.via, start.seq if start.resuming else through)
        return Opening(self, subscriber, listener.last_event_id, start, through)

    def is_crowded(self, address: str) -> bool:
        """Whether this address has as many streams here as it may have."""
        return self._limits.is_crowded(address)

    def refusal(self, reason: str = "overloaded", retry_ms: int | None = None) -> bytes:
        """The whole response of a stream that is not opened. Not a 503 or 429: EventSource does not reconnect after
        one."""
        return bye("restart" if self.draining else reason, len(self._hub.subscribers), retry_ms)

    def drain(self, reason: str = "restart") -> None:
        """Close every stream, and open no more."""
        self.draining = True
        streams = len(self._hub.subscribers)
        self._hub.end_all(reason, lambda: bye(reason, streams))

    def start_of(self, subscriber: Subscriber, last_event_id: str, start: Start, through: int) -> Iterator[bytes]:
        """Hello, then the missed events up to and including `through`."""
        replayed = 0
        yield self._hello(start, through)
        try:
            for events in self._missed(subscriber.channels, start.seq, through) if start.resuming else ():
                replayed += len(events)
                yield b"".join([sse.encode(type, data, self._id(number)) for number, _, type, data in events])
        except OutOfReach as reason:
            yield self._resync(str(reason), through)
        except TooBusy:
            self._hub.break_off(subscriber, "overloaded", bye("overloaded", len(self._hub.subscribers)))
        subscriber.events += replayed
        self._hub.access_log.opened(subscriber, last_event_id, replayed)

    def take(self, subscriber: Subscriber, fd: int) -> None:
        """The socket is ours now: send what has arrived meanwhile, and then everything at once."""
        self._hub.take_socket(subscriber, fd)

    def leave(self, subscriber: Subscriber) -> None:
        """Remove a subscriber whose client has disconnected."""
        self._hub.remove(subscriber, GONE)

    def _missed(self, channels: tuple[str, ...], seq: int, through: int) -> Iterator[list[LoggedEvent]]:
        for page in self._replays.pages(followed.logged(channels), seq, through):
            if events := list(followed.for_channels(channels, page)):
                yield events

    def _set_end(self, subscriber: Subscriber, listener: Listener) -> None:
        now = clock.monotonic()
        subscriber.ends_at = now + self._lifetime * random.uniform(0.8, 1.2)
        if listener.expires_at is not None:
            warn_at = now + listener.expires_at - clock.unix_seconds() - EXPIRY_WARNING_SECONDS
            if warn_at < subscriber.ends_at:
                subscriber.ends_at, subscriber.ends_for = warn_at, EXPIRING

    def _hello(self, start: Start, through: int) -> bytes:
        # A resuming client keeps its own cursor until the replay has advanced it: if it took the head's id and lost the
        # connection here, the replay would be skipped.
        head = self._id(through)
        greeting = {
            "at": clock.now(),
            "epoch": self._feed.epoch,
            "head": head,
            "heartbeat_seconds": HEARTBEAT_SECONDS,
            "version": self._version,
        }
        hello = sse.encode_json("hello", greeting, "" if start.resuming else head, retry_ms=RETRY_MS)
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
        """Everything sent before live events."""
        for piece in self._streams.start_of(self.subscriber, self._last_event_id, self._start, self._through):
            self.subscriber.bytes += len(piece)
            yield piece

    def hand_over(self, fd: int) -> None:
        """Give the hub the socket that `first` was sent on."""
        self._streams.take(self.subscriber, fd)

    def give_up(self) -> None:
        """The client of this stream has disconnected."""
        self._streams.leave(self.subscriber)

    def __iter__(self) -> Iterator[bytes]:
        """The whole stream for a WSGI server that writes what it is given; several events per piece."""
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
