"""Replays missed events: from this process's recent events as far as they reach, otherwise from the log.

An unusable cursor gets a reason, never silence. Replays end at the number that this process had published when the
stream subscribed: everything above it arrives live, so nothing is missed and nothing is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg2
from gevent.lock import BoundedSemaphore

from foundation.connections import Row
from foundation.errors import ServiceUnavailable
from realtime import packs
from realtime.feed import Feed
from realtime.log import PAGE, EventLog, Pruned
from realtime.packs import SEQ, Event
from realtime.sse import Cursor

REPLAY_LIMIT = 10_000
"""A client that has missed more than this has to reload instead."""

REPLAYS_AT_ONCE = 8
"""Concurrent replays from the database per process; a storm of clients queues up instead of overloading it."""

LINE_SECONDS = 10.0
"""A client that has queued this long has to reconnect."""

REACH_SECONDS = 2.0


class TooBusy(Exception):
    """The stream cannot be opened now; the client has to reconnect."""


@dataclass(frozen=True)
class Start:
    """Where a stream begins."""

    seq: int
    resync: str = ""
    """Why the client has to reload; empty if the cursor can be used."""

    resuming: bool = False


class Replays:
    """Checks cursors, and reads the events after them."""

    def __init__(self, feed: Feed, log: EventLog, at_once: int = REPLAYS_AT_ONCE) -> None:
        self._feed = feed
        self._log = log
        self._line = BoundedSemaphore(at_once)
        self.from_log = 0
        """Pages read from the database since the start."""

    def start(self, last_event_id: str) -> Start:
        """Where to continue; raises TooBusy if the log has to be read and cannot be."""
        if not last_event_id:
            return Start(self._feed.position)
        cursor = Cursor.parse(last_event_id)
        if cursor is None:
            return Start(self._feed.position, "unknown")
        recent = self._feed.recent
        if cursor.epoch == self._feed.epoch and recent.start <= cursor.seq <= self._feed.position:
            return Start(cursor.seq, resuming=True)
        return self._judge(cursor)

    def pages(self, channels: tuple[str, ...], seq: int, through: int) -> Iterator[list[Event]]:
        """The events of these channels above `seq`, up to and including `through`, which is where a row ends; raises
        TooBusy and OutOfReach."""
        wanted, after, replayed = packs.matching(channels), seq, 0
        for rows in self._rows(channels, seq, through):
            if replayed >= REPLAY_LIMIT:
                raise OutOfReach("too far behind")
            page = [event for row in rows for event in packs.events(row, wanted, after)]
            replayed += len(page)
            yield page

    def _rows(self, channels: tuple[str, ...], seq: int, through: int) -> Iterator[list[Row]]:
        while seq < through:
            if self._feed.recent.start <= seq:
                rows = [row for row in self._feed.recent.after(channels, seq) if row[SEQ] <= through]
                for start in range(0, len(rows), PAGE):
                    yield rows[start : start + PAGE]
                return
            try:
                rows = self._read(channels, seq, through)
            except Pruned as error:
                raise OutOfReach("expired") from error
            yield rows
            if len(rows) < PAGE:
                return
            seq = rows[-1][SEQ]

    def _judge(self, cursor: Cursor) -> Start:
        with self._asking():
            state = self._log.state()
        if cursor.epoch != state.epoch:
            return Start(self._feed.position, "epoch")
        if cursor.seq > state.head:
            return Start(self._feed.position, "ahead of head")
        if cursor.seq < state.pruned_through:
            return Start(self._feed.position, "expired")
        # Another process is ahead: let this one catch up, or what it publishes next would be repeated.
        if not self._feed.reach(cursor.seq, REACH_SECONDS):
            raise TooBusy
        return Start(cursor.seq, resuming=True)

    def _read(self, channels: tuple[str, ...], seq: int, through: int) -> list[Row]:
        with self._asking():
            self.from_log += 1
            return self._log.replay(channels, seq, through)

    def _asking(self) -> _Asking:
        return _Asking(self._line)


class OutOfReach(Exception):
    """The missed events, or some of them, cannot be sent; the argument says why."""


class _Asking:
    """A slot among the readers of the database; its failures become TooBusy."""

    def __init__(self, line: BoundedSemaphore) -> None:
        self._line = line

    def __enter__(self) -> None:
        if not self._line.acquire(timeout=LINE_SECONDS):
            raise TooBusy

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self._line.release()
        if isinstance(error, psycopg2.Error | ServiceUnavailable):
            raise TooBusy from error
