"""Records which streams were open, from which event to which, so that it can be explained who has received one.

A stream begins and ends in memory; once a second what has begun and ended is written in two statements. Nothing of it
is on the way of an event.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import gevent
import psycopg2

from foundation import clock, sql
from foundation.connections import PreparedPool
from foundation.db import db, in_pieces, one_piece
from foundation.errors import ServiceUnavailable
from foundation.logs import FailureLog
from realtime.followed import channel_of
from realtime.subscriber import Subscriber
from side_effects.liveness import LIVING

FLUSH_SECONDS = 1.0
RECORDED = 20
"""Streams of one principal that are recorded in a minute: a client that connects in a loop writes no more."""

FLUSHES_PER_MINUTE = int(60 / FLUSH_SECONDS)

WRITTEN_AT_ONCE = 1000
MOST_WAITING = 50_000
"""What waits while the database cannot be reached; of more the oldest is forgotten."""

LOST_SECONDS = 10
"""A stream without progress is reset after this time: what was published within it may not have been written."""

LOOKED_AT = 20_000
STREAM_BITS = 62

SQL = sql.beside(__file__, living=LIVING, looked_at=LOOKED_AT, lost_seconds=LOST_SECONDS)
BEGIN_READERS, END_READERS = SQL.prepared("begin_readers"), SQL.prepared("end_readers")
READERS_OF, PRUNE_READERS, ERASE_READERS = SQL.text("readers_of"), SQL.text("prune_readers"), SQL.text("erase_readers")


class Readers:
    """The streams of one process."""

    def __init__(self, pool: PreparedPool | None = None, position: Callable[[], int] = lambda: 0) -> None:
        """`position` is the number up to which this process has published; without a pool nothing is recorded."""
        self._pool = pool
        self._position = position
        self.process: Callable[[], int] = lambda: 0
        """This process's number, by which others know whether it is alive; 0 until it is known."""

        self._begun: deque[tuple[Any, ...]] = deque(maxlen=MOST_WAITING)
        self._ended: deque[tuple[Any, ...]] = deque(maxlen=MOST_WAITING)
        self._counted: Counter[str] = Counter()
        self._flushes = 0
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._failures = FailureLog(
            failed=("stream.record_failed", "Streams could not be recorded; they are when the database answers"),
            recovered=("stream.recorded_again", "Streams are recorded again"),
        )

    def opened(self, subscriber: Subscriber, via: str | None, after: int) -> None:
        """This stream begins, with what comes after this number."""
        self._counted[subscriber.who] += 1
        if self._pool is None or self._counted[subscriber.who] > RECORDED:
            return
        subscriber.record = random.getrandbits(STREAM_BITS) + 1
        begun = clock.monotonic()
        for channel in subscriber.channels:
            self._begun.append((subscriber.record, channel, subscriber.who, via or "", after, begun))

    def closed(self, subscriber: Subscriber) -> None:
        """This stream has ended."""
        if subscriber.record:
            self._ended.append((subscriber.record, self._position(), subscriber.closed_for, clock.monotonic()))

    def start(self, process: Callable[[], int]) -> None:
        """Write down what begins and ends from now on, and until now."""
        self.process = process
        self._greenlet = gevent.spawn(self._flush_for_ever)

    def stop(self) -> None:
        """Write down the rest."""
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None
            self.flush()

    def flush(self) -> None:
        """Write down what has begun and ended since the last time."""
        self._flushes += 1
        if self._flushes % FLUSHES_PER_MINUTE == 0:
            self._counted.clear()
        if self._pool is None or not self.process() or not (self._begun or self._ended):
            return
        try:
            while self._begun:
                self._begin(self._pool, _some(self._begun))
            while self._ended:
                self._end(self._pool, _some(self._ended))
            self._failures.recovered()
        except (psycopg2.Error, ServiceUnavailable) as error:
            self._failures.failed(error)

    def _begin(self, pool: PreparedPool, some: list[tuple[Any, ...]]) -> None:
        try:
            streams, channels, whos, vias, afters, begun = (list(column) for column in zip(*some, strict=True))
            pool.run(BEGIN_READERS, (streams, channels, self.process(), whos, vias, afters, _ages(begun)))
        except BaseException:
            self._begun.extendleft(reversed(some))
            raise

    def _end(self, pool: PreparedPool, some: list[tuple[Any, ...]]) -> None:
        try:
            streams, throughs, reasons, ended = (list(column) for column in zip(*some, strict=True))
            pool.run(END_READERS, (streams, throughs, reasons, _ages(ended)))
        except BaseException:
            self._ended.extendleft(reversed(some))
            raise

    def _flush_for_ever(self) -> None:
        while True:
            gevent.sleep(FLUSH_SECONDS)
            self.flush()


def readers_of(channels: list[str], first: int, last: int, at: datetime, most: int) -> list[dict[str, Any]]:
    """The streams of these channels that the events from `first` to `last`, published at that time, were due to."""
    values = {"channels": channels, "first": first, "last": last, "at": at, "most": most}
    return [dict(row) for row in db.session.execute(READERS_OF, values).mappings()]


def prune_readers(hours: int) -> int:
    """Delete a chunk of what is older than this; returns how many rows."""
    return one_piece(PRUNE_READERS, hours=hours)


def erase_readers(buyer_id: int, order_ids: Sequence[int]) -> int:
    """Delete when this buyer was online, or somebody with a link of these orders, in chunks that each commit; returns
    how many rows."""
    return in_pieces(ERASE_READERS, channels=channels_of_buyer(f"buyer:{buyer_id}", order_ids))


def channels_of_buyer(buyer: str, order_ids: Sequence[int]) -> list[str]:
    """The channel of `buyer:42`, and those of links of these orders."""
    return [buyer, *(channel_of(buyer, id, talking) for id in order_ids for talking in (False, True))]


def _some(waiting: deque[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [waiting.popleft() for _ in range(min(WRITTEN_AT_ONCE, len(waiting)))]


def _ages(moments: list[float]) -> list[float]:
    """Seconds ago: the times that are stored are the database's."""
    now = clock.monotonic()
    return [now - one for one in moments]
