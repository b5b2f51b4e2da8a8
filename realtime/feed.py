"""Follows the log from this process, whoever wrote to it, and publishes its events in order.

A NOTIFY wakes it; that is only a hint which may be lost, so it polls at least once a second anyway. What this process
appended itself is handed in directly and not read back; only the gaps between are read, which are other processes'
events. One greenlet publishes, so that a batch is finished before the next begins.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import gevent
import psycopg2
from gevent.event import Event

from foundation import clock
from foundation.connections import Row
from foundation.errors import ServiceUnavailable
from foundation.logs import FailureLog
from realtime.hub import Hub
from realtime.log import END, PAGE, EventLog
from realtime.packs import SEQ, first_of
from realtime.recent_events import RING_ROWS, RecentEvents
from realtime.wakeups import WakeUps

POLL_SECONDS = 1.0
"""Maximum delay of an event whose wake-up was lost."""

AGAIN_SECONDS = 0.25
"""Interval between attempts to reach an unavailable database."""

READ_SECONDS = 3.0
"""A slower read means a dead connection; psycopg2 closes it when it is interrupted."""

STATE_SECONDS = 60.0
"""How often to check that the log is still the same."""


class Feed:
    """Follows the log and publishes to the hub, each event once and in order."""

    def __init__(self, events: EventLog, hub: Hub, wake_ups: WakeUps, on_new_log: Callable[[], None]) -> None:
        self._log = events
        self._hub = hub
        self._wake_ups = wake_ups
        self._on_new_log = on_new_log
        self._wake = Event()
        self._moved = Event()
        self._handed: list[list[Row]] = []
        self._announced = -1
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._looked_at = 0.0
        self._judged_at = 0.0
        self._failures = FailureLog(
            failed=("feed.read_failed", "Live events could not be read from the database; streams are delayed"),
            recovered=("feed.read_recovered", "Live events are read again"),
        )
        self.recent = RecentEvents()
        self.epoch = 0
        self.position = -1
        """Everything up to this number has been published here; -1 until the log was first read."""

        self.packed = False
        """Whether this process may pack the events that it appends: rows of the earlier form can be read by all."""

    def start(self) -> None:
        """Start following the log from its current end."""
        self._greenlet = gevent.spawn(self._follow)
        self._wake_ups.start(self.announce)

    def stop(self) -> None:
        self._wake_ups.stop()
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None

    @property
    def alive(self) -> bool:
        """Whether the log was read recently."""
        silent_for = clock.monotonic() - self._looked_at
        return self._greenlet is not None and self.position >= 0 and silent_for < 5 * POLL_SECONDS

    def begun(self, timeout: float) -> bool:
        """Whether the log has been read at all; a process that has just started gets this many seconds for it."""
        return self.position >= 0 or (self._greenlet is not None and self.reach(0, timeout))

    def announce(self, seq: int) -> None:
        """Note that the log has reached this number."""
        if seq > max(self.position, self._announced):
            self._announced = seq
            self._wake.set()

    def appended(self, rows: list[Row]) -> None:
        """Take events that this process has just committed: rows of the log, ascending."""
        if rows:
            self._handed.append(rows)
            self._wake.set()

    def reach(self, seq: int, timeout: float) -> bool:
        """Wait until everything up to this number has been published here."""
        ends = clock.monotonic() + timeout
        while self.position < seq and clock.monotonic() < ends:
            self.announce(seq)
            self._moved.clear()
            self._moved.wait(max(0.0, ends - clock.monotonic()))
        return self.position >= seq

    def look(self, polling: bool = False) -> None:
        """Publish what was handed in, and read what that does not cover; all new events when polling."""
        if self.position < 0:
            self._begin()
        handed, self._handed = sorted(self._handed, key=_first), []
        if handed:
            # If reading a gap fails, what was handed in has to be read too.
            self._announced = max(self._announced, handed[-1][-1][SEQ])
        for rows in handed:
            if _has_no_gap(rows):
                # Numbers follow commits: everything below these is committed, or was rolled back.
                self._read(_first(rows) - 1)
                self.publish(rows)
        if polling or self._announced > self.position:
            self._read_announced(END if polling else self._announced)

    def publish(self, rows: list[Row]) -> None:
        """Publish what follows our position; rows that were handed in during a read are in both."""
        fresh = [row for row in rows if row[SEQ] > self.position]
        if fresh:
            # Advance first: a stream that subscribes while this batch is delivered is not among its receivers, and
            # replays up to here.
            self.recent.append(fresh)
            self.position = fresh[-1][SEQ]
            self._moved.set()
            self._hub.publish(self.epoch, fresh)

    def _read_announced(self, through: int) -> None:
        announced = self._announced
        self._read(through)
        if self._announced == announced:  # this read may have missed what was announced meanwhile
            self._announced = min(self._announced, self.position)

    def _read(self, through: int) -> None:
        """Publish what the log has up to and including this number."""
        more = self.position < through
        while more:
            with gevent.Timeout(READ_SECONDS, psycopg2.OperationalError("the log did not answer in time")):
                rows = self._log.between(self.position, through)
            self._looked_at = clock.monotonic()
            self.publish(rows)
            more = len(rows) == PAGE

    def _begin(self) -> None:
        """Set the position to the log's current end, and load the rows before it into the recent-event buffer."""
        state = self._log.state()
        recent = RecentEvents(max(state.pruned_through, state.head - RING_ROWS))
        seq, more = recent.start, True
        while more:
            rows = self._log.between(seq, state.head)
            recent.append(rows)
            more = len(rows) == PAGE
            seq = rows[-1][SEQ] if rows else seq
        self.recent, self.epoch, self.position = recent, state.epoch, state.head
        self.packed = state.packed
        self._moved.set()
        self._judged_at = clock.monotonic()

    def _judge(self) -> None:
        """Check that the log is still the same; after a restored backup, or a very long pause, it is not."""
        self._judged_at = clock.monotonic()
        state = self._log.state()
        self.packed = state.packed
        if state.epoch != self.epoch or not state.pruned_through <= self.position <= state.head:
            self._announced, self._handed = -1, []
            self._begin()
            self._on_new_log()

    def _follow(self) -> None:
        while True:
            try:
                doubtful = self._failures.failing or clock.monotonic() - self._judged_at > STATE_SECONDS
                if doubtful and self.position >= 0:
                    self._judge()
                self.look(polling=clock.monotonic() - self._looked_at >= POLL_SECONDS)
                self._failures.recovered()
            except (psycopg2.Error, ServiceUnavailable) as error:
                self._failures.failed(error)
                gevent.sleep(AGAIN_SECONDS)
            self._wake.wait(max(0.0, self._looked_at + POLL_SECONDS - clock.monotonic()))
            self._wake.clear()


def _has_no_gap(rows: list[Row]) -> bool:
    """Whether nobody else's events lie between these rows."""
    return all(row[SEQ] + 1 == first_of(after) for row, after in pairwise(rows))


def _first(rows: list[Row]) -> int:
    """The number of the first event of these rows."""
    return first_of(rows[0])
