"""Liveness of a process, by which others decide whether its leases are abandoned.

Each process holds a session advisory lock. It is released within milliseconds of a `kill -9`, which frees the dead
process's work at once; a frozen process keeps its lock, and loses its work when the leases expire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import gevent
import psycopg2
from gevent.lock import RLock

from foundation import clock, locks, sql
from foundation.connections import PreparedConnection, Row, Statement

LEASE_SECONDS = 15
"""How long work is left to a process whose only sign of life is its lock."""

HELD = -1
"""The owner of work that is held: nobody does it before its lease ends."""

GRACE_SECONDS = 1.5
"""A younger lease is left alone even if its owner's lock is not seen: it may be about to be taken again."""

RESTART_GRACE_SECONDS = 5
"""After a start of PostgreSQL all locks are lost although no process died, and leases may have expired while they could
not be renewed: without this pause, 623 of 5,000 e-mails were sent twice in a trial."""

LOOK_BACK_SECONDS = 10
ALL_TIME_SECONDS = 10 * 365 * 24 * 3600
"""Each scan for expired leases goes back a few seconds only; twice a minute, as after a failure, it covers all
times."""

PROCESS_LOCKS = locks.PROCESSES

LIVENESS_SECONDS = 0.1
"""How soon a lock that was lost with its connection is taken again."""

SQL = sql.beside(__file__, process_locks=PROCESS_LOCKS, restart_grace_seconds=RESTART_GRACE_SECONDS)
HOLD = SQL.prepared("hold")
NEW_NUMBER = SQL.prepared("new_number")
LIVING = SQL.fragment("living")
"""CTEs `living` and `stable` for statements that look for abandoned work."""


class Liveness:
    """This process's number, and the lock that shows that it lives."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: PreparedConnection | None = None
        self._one_at_a_time = RLock()
        self.failed_at = -float(RESTART_GRACE_SECONDS)
        """When the lock was last lost, or a statement failed."""
        self.number = 0
        """This process's number in the database; 0 until the database was reached."""

    def sees_clearly(self) -> bool:
        """Whether processes without a sign of life may be considered dead: not right after our own lock was lost, or a
        statement failed, since theirs may be about to be taken again."""
        return clock.monotonic() - self.failed_at >= RESTART_GRACE_SECONDS

    def ensure_alive(self) -> None:
        """Hold the lock that shows that we live, on a new connection if the old one was closed."""
        with self._one_at_a_time:
            if self._connection is not None and not self._connection.cut:
                return
            if self.number:
                self.failed_at = clock.monotonic()
            self.close()
            connection = PreparedConnection(self._dsn, "liveness")
            if not self.number:
                self.number = connection.run(NEW_NUMBER, ())[0][0]
            connection.run(HOLD, (PROCESS_LOCKS, self.number))
            self._connection = connection

    def stay_alive(self) -> None:
        """Watch the lock, for ever: while it is lost, others may consider us dead."""
        while True:
            gevent.sleep(LIVENESS_SECONDS)
            with suppress(psycopg2.Error):  # the look reports it
                self.ensure_alive()

    def close(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def run(self, statement: Statement, args: Callable[[], Sequence[object]]) -> list[Row]:
        """Run a statement on the connection that holds the lock; it may run twice if the connection was closed."""
        with self._one_at_a_time:
            self.ensure_alive()
            assert self._connection is not None
            try:
                return self._connection.run(statement, args())
            except psycopg2.Error:
                self.failed_at = clock.monotonic()
                if not self._connection.broken:
                    raise
                self.ensure_alive()
                return self._connection.run(statement, args())
