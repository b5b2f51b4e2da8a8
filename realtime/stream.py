"""One subscriber's stream: hello, what was missed, then live; as an ordinary WSGI iterator.

It subscribes first and replays second, so nothing falls between; what comes twice falls by its number. The
iterator holds no database connection while it waits.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from foundation import clock
from realtime import sse
from realtime.feed import Feed
from realtime.hub import Hub, Subscriber
from realtime.log import PAGE, Log

HEARTBEAT_SECONDS = 15
"""Below the 60 s at which home routers and proxies cut a silent connection. A named event: scripts see no comments."""

LIFETIME_SECONDS = 600
"""Connections are renewed after 10 minutes, give or take a fifth, so that load spreads and rights are asked again."""

REPLAY_LIMIT = 10_000
"""Who has missed more than this is told to fetch a fresh page instead."""

RETRY_MS = (1000, 5000)
"""Where a reconnect is asked for, it is spread over this range; a herd would come back at once."""


@dataclass(frozen=True)
class Listener:
    """Who opens a stream, and where it left off."""

    channels: tuple[str, ...]
    last_event_id: str = ""
    expires_at: float | None = None


class Streams:
    """Opens streams on this process's hub."""

    def __init__(self, hub: Hub, feed: Feed, log: Log, version: str, limit: int) -> None:
        self._hub = hub
        self._feed = feed
        self._log = log
        self._version = version
        self._limit = limit

    def open(self, listener: Listener) -> Iterator[bytes]:
        """The frames of one stream, without end until it is closed, too slow, too old, or its token expires."""
        if len(self._hub.subscribers) >= self._limit or self._feed.position < 0:
            # Not a 503: EventSource never comes back after one.
            return iter([self._bye("overloaded")])
        return self._frames(Subscriber(listener.channels), listener)

    def _frames(self, subscriber: Subscriber, listener: Listener) -> Iterator[bytes]:
        self._hub.add(subscriber)
        try:
            seq, resync = self._start(listener.last_event_id)
            resuming = bool(listener.last_event_id) and resync is None
            yield self._hello(seq, fresh=not resuming)
            if resync:
                yield self._resync(resync, seq)
            for number, frame in self._replay(subscriber, seq) if resuming else ():
                seq = number
                yield frame
            yield from self._live(subscriber, seq, self._deadline(listener))
        finally:
            self._hub.remove(subscriber)

    def _start(self, last_event_id: str) -> tuple[int, str | None]:
        """The number to go on from, and the reason for a resync where the cursor cannot be used."""
        if not last_event_id:
            return self._feed.position, None
        cursor, state = sse.Cursor.parse(last_event_id), self._log.state()
        if cursor is None:
            return state.head, "unknown"
        if cursor.epoch != state.epoch:
            return state.head, "epoch"
        if cursor.seq > state.head:
            return state.head, "ahead of head"
        if cursor.seq < state.pruned_through:
            return state.head, "expired"
        return cursor.seq, None

    def _replay(self, subscriber: Subscriber, seq: int) -> Iterator[tuple[int, bytes]]:
        """What was missed, read a page at a time: a slow reader keeps no connection waiting."""
        replayed, more = 0, True
        while more:
            rows = self._log.replay(sorted(subscriber.channels), seq)
            for seq, _, event, data in rows:
                yield seq, sse.encode(event, data, self._id(seq))
            replayed += len(rows)
            more = len(rows) == PAGE
            if more and replayed >= REPLAY_LIMIT:
                seq = self._log.state().head
                yield seq, self._resync("too far behind", seq)
                return

    def _live(self, subscriber: Subscriber, seq: int, deadline: Callable[[], float]) -> Iterator[bytes]:
        while True:
            left = deadline()
            frames = subscriber.take(min(HEARTBEAT_SECONDS, max(0.0, left)))
            fresh = [frame for number, frame in frames if number > seq]
            if fresh:
                seq = frames[-1][0]
                yield b"".join(fresh)
            elif not subscriber.closed_for and left > 0:
                yield sse.encode_json("heartbeat", {"at": clock.now()})
            if subscriber.closed_for or left <= 0:
                yield self._bye(subscriber.closed_for or "renew")
                return

    def _deadline(self, listener: Listener) -> Callable[[], float]:
        """How many seconds the stream may go on."""
        ends = clock.monotonic() + LIFETIME_SECONDS * random.uniform(0.8, 1.2)
        if listener.expires_at is not None:
            ends = min(ends, clock.monotonic() + listener.expires_at - clock.unix_seconds())
        return lambda: ends - clock.monotonic()

    def _hello(self, seq: int, fresh: bool) -> bytes:
        # A resuming reader keeps its own cursor until the replay has moved it: were it to take the head's id
        # and lose the connection here, the replay would be skipped.
        greeting = {
            "at": clock.now(),
            "epoch": self._feed.epoch,
            "head": self._id(seq),
            "heartbeat_seconds": HEARTBEAT_SECONDS,
            "version": self._version,
        }
        return sse.encode_json("hello", greeting, self._id(seq) if fresh else "", retry_ms=2000)

    def _resync(self, reason: str, seq: int) -> bytes:
        return sse.encode_json("resync", {"at": clock.now(), "reason": reason}, self._id(seq))

    def _bye(self, reason: str) -> bytes:
        retry_ms = random.randint(*RETRY_MS)
        return sse.encode_json("bye", {"at": clock.now(), "reason": reason, "retry_ms": retry_ms}, "", retry_ms)

    def _id(self, seq: int) -> str:
        return str(sse.Cursor(self._feed.epoch, seq))
