"""Brings the log's news into this process, whoever wrote them.

A NOTIFY wakes it; that is a hint which may be lost, so it looks at least once a second anyway. What this very
process appended comes in directly and is not read back, as long as nobody else's events stand between.
"""

from __future__ import annotations

import gevent
import psycopg2
from gevent.event import Event
from gevent.socket import wait_read

from foundation import clock
from foundation.connections import Row, connect
from foundation.errors import ServiceUnavailable
from foundation.logs import Trouble
from realtime.hub import Hub
from realtime.log import PAGE, WAKE_CHANNEL, Log

POLL_SECONDS = 1.0
"""The longest that an event waits for a wake-up that was lost."""

PRUNE_SECONDS = 60.0


class Feed:
    """Follows the log and publishes to the hub, each event once and in order."""

    def __init__(self, dsn: str, events: Log, hub: Hub, retention_hours: int) -> None:
        self._dsn = dsn
        self._log = events
        self._hub = hub
        self._retention_hours = retention_hours
        self._wake = Event()
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._looked_at = 0.0
        self._pruned_at = 0.0
        self._trouble = Trouble("The log of live events cannot be read")
        self._deaf = Trouble("Wake-ups are not heard; the log is polled")
        self.epoch = 0
        self.position = -1
        """Everything up to this number has been published here; -1 until the log was first reached."""

    def start(self) -> None:
        """Begin to follow the log from its present end."""
        self._greenlets = [gevent.spawn(self._follow), gevent.spawn(self._listen)]

    def stop(self) -> None:
        gevent.killall(self._greenlets, timeout=1)
        self._greenlets = []

    @property
    def alive(self) -> bool:
        """Whether it has looked at the log lately."""
        return bool(self._greenlets) and self.position >= 0 and clock.monotonic() - self._looked_at < 5 * POLL_SECONDS

    def appended(self, rows: list[Row]) -> None:
        """Take events that this process has just committed: ascending (seq, channel, type, data)."""
        if not rows:
            return
        first, last = rows[0][0], rows[-1][0]
        if first == self.position + 1 and last - first == len(rows) - 1:
            self._publish(rows)
        else:
            self._wake.set()

    def catch_up(self) -> None:
        """Publish everything that the log holds beyond our position."""
        if self.position < 0:
            state = self._log.state()
            self.epoch, self.position = state.epoch, state.head
        while True:
            rows = self._log.after(self.position)
            self._looked_at = clock.monotonic()
            self._publish(rows)
            if len(rows) < PAGE:
                return

    def _publish(self, rows: list[Row]) -> None:
        for seq, channel, event, data in rows:
            # Rows that came in directly while a read was under way are in both.
            if seq > self.position:
                self._hub.publish(self.epoch, seq, channel, event, data)
                self.position = seq

    def _follow(self) -> None:
        while True:
            try:
                self.catch_up()
                self._prune()
                self._trouble.over()
            except (psycopg2.Error, ServiceUnavailable) as error:
                self._trouble.tell(error)
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()

    def _listen(self) -> None:
        while True:
            try:
                self._hear_wake_ups()
            except (psycopg2.Error, OSError) as error:
                self._deaf.tell(error)
            gevent.sleep(POLL_SECONDS)

    def _hear_wake_ups(self) -> None:
        connection = connect(self._dsn, "feed")
        try:
            connection.cursor().execute(f"LISTEN {WAKE_CHANNEL}")
            self._deaf.over()
            self._wake.set()
            while not connection.closed:
                try:
                    wait_read(connection.fileno(), timeout=POLL_SECONDS * 10)
                except TimeoutError:
                    connection.cursor().execute("SELECT 1")  # a half-open connection shows itself here
                connection.poll()
                heard = [int(notice.payload or 0) for notice in connection.notifies]
                connection.notifies.clear()
                if heard and max(heard) > self.position:
                    self._wake.set()
        finally:
            connection.close()

    def _prune(self) -> None:
        if clock.monotonic() - self._pruned_at > PRUNE_SECONDS:
            self._pruned_at = clock.monotonic()
            while self._log.prune(self._retention_hours) > 0:
                gevent.sleep(0)
