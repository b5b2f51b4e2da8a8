"""A process's sign of life, by which the others tell whether what it leased is abandoned.

Each process holds a session advisory lock of its own. It vanishes within milliseconds of a `kill -9`, which frees
the dead process's work at once; a process that is frozen keeps its lock, and loses its work when the leases end.
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
"""How long work is left to a process that shows no sign of life but its lock."""

GRACE_SECONDS = 1.5
"""A lease younger than this is left alone even if its owner's lock is not seen: the lock may be on its way back."""

RESTART_GRACE_SECONDS = 5
"""After a start of PostgreSQL all locks are gone though nobody died, and leases may have ended that nobody could
renew: without this pause, 623 of 5,000 e-mails were sent twice in a trial."""

LOOK_BACK_SECONDS = 10
ALL_TIME_SECONDS = 10 * 365 * 24 * 3600
"""Each look for ended leases goes back a few seconds only, and twice a minute, as after trouble, through all time."""

PROCESS_LOCKS = locks.PROCESSES

LIVENESS_SECONDS = 0.1
"""How soon a lock that was lost with its connection is taken again."""

SQL = sql.beside(__file__, process_locks=PROCESS_LOCKS, restart_grace_seconds=RESTART_GRACE_SECONDS)
HOLD = SQL.prepared("hold")
NEW_NUMBER = SQL.prepared("new_number")
LIVING = SQL.fragment("living")
"""CTEs `living` and `settled_down` for statements that look for abandoned work."""


class Liveness:
    """This process's number, and the lock that shows that it lives."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: PreparedConnection | None = None
        self._one_at_a_time = RLock()
        self.failed_at = -float(RESTART_GRACE_SECONDS)
        """When the lock was last lost, or a statement failed."""
        self.number = 0
        """This process's number in the database; 0 until that was reached."""

    def sees_clearly(self) -> bool:
        """Whether those who show no sign of life may be taken for dead: not soon after our own was lost, or a
        statement failed, since theirs may be on its way back."""
        return clock.monotonic() - self.failed_at >= RESTART_GRACE_SECONDS

    def ensure_alive(self) -> None:
        """Hold the lock that shows we live, on a new connection where the old one was cut."""
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
        """Look after the lock, for ever: while it is gone, the others may take us for dead."""
        while True:
            gevent.sleep(LIVENESS_SECONDS)
            with suppress(psycopg2.Error):  # the look tells of it
                self.ensure_alive()

    def close(self) -> None:
        """Let go of the sign of life."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def run(self, statement: Statement, args: Callable[[], Sequence[object]]) -> list[Row]:
        """Run a statement on the connection that holds the lock; it may run twice where the connection was cut."""
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
