"""Find promises that nobody works on any more, and show the others that this process is alive.

Each process holds a session advisory lock of its own. It vanishes within milliseconds of a `kill -9`, which frees
the dead process's promises at once; a process that is frozen keeps its lock, and loses them when their lease ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import gevent
import psycopg2
import structlog
from gevent.lock import RLock

from foundation import clock, locks
from foundation.connections import PreparedConnection, Row, Statement

log = structlog.get_logger(__name__)

LEASE_SECONDS = 15
"""How long a promise is left to a process that shows no sign of life but its lock."""

SWEEP_SECONDS = 1.0
"""How often each process looks for abandoned promises."""

GRACE_SECONDS = 1.5
"""A promise younger than this is left alone even if its owner's lock is not seen: the lock may be on its way back."""

STRAY_SECONDS = 8
"""Promises of our own whose lease was not renewed for this long are not in our hands: the answer to the statement that
made them was lost with its connection, or we gave them up. Renewals come after 5 s."""

RESTART_GRACE_SECONDS = 5
"""After a start of PostgreSQL all locks are gone though nobody died, and leases may have ended that nobody could
renew: without this pause, 623 of 5,000 e-mails were sent twice in a trial."""

CLAIM_LIMIT = 500

FULL_LOOK_SECONDS = 30.0
LOOK_BACK_SECONDS = 10
ALL_TIME_SECONDS = 10 * 365 * 24 * 3600
"""A sweep looks for leases that ended within the last seconds, and twice a minute for all others, as after trouble."""

RECENT_PROCESSES = 100
"""As many of the processes that began last are looked after each second; the rest by the full look."""

PROCESS_LOCKS = locks.PROCESSES

HOLD = Statement("hold", ("int", "int"), "SELECT pg_advisory_lock($1, $2)")
"""Waits for it, since the server says goodbye to a connection before it lets go of its locks: who only tried for it
came back too soon, stayed without, and looked dead to the others ever after."""

LIVENESS_SECONDS = 0.1
"""How soon a lock that was lost with its connection is taken again."""

NEW_NUMBER = Statement("new_number", (), "SELECT nextval('process_seq')")

LIVING = f"""living AS (
        SELECT objid::bigint AS owner FROM pg_locks
        WHERE locktype = 'advisory' AND classid = {PROCESS_LOCKS} AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
    settled_down AS (
        SELECT pg_postmaster_start_time() < clock_timestamp() - interval '{RESTART_GRACE_SECONDS} s' AS yes)"""
"""Which processes live, and whether that and the leases can be believed yet."""

CLAIM = Statement(
    "claim",
    ("bigint", "int", "int", "boolean", "text[]", "int[]"),
    f"""WITH RECURSIVE {LIVING},
    owners AS (
        (SELECT owner FROM outbox WHERE $3 > {LOOK_BACK_SECONDS} ORDER BY owner LIMIT 1)
        UNION ALL SELECT (SELECT b.owner FROM outbox b WHERE b.owner > o.owner ORDER BY b.owner LIMIT 1)
            FROM owners o WHERE o.owner IS NOT NULL),
    candidates AS (
        SELECT owner FROM owners WHERE owner IS NOT NULL UNION SELECT 0
        UNION SELECT generate_series(greatest(1, last_value - {RECENT_PROCESSES}), last_value) FROM process_seq),
    limits AS (
        SELECT owner, clock_timestamp() + CASE
            WHEN owner = $1 THEN interval '{LEASE_SECONDS - STRAY_SECONDS} s'
            WHEN owner > 0 AND owner NOT IN (SELECT owner FROM living)
            THEN interval '{LEASE_SECONDS - GRACE_SECONDS} s' ELSE interval '0' END AS before
        FROM candidates WHERE owner IN (0, $1) OR ($4 AND (SELECT yes FROM settled_down))),
    abandoned AS MATERIALIZED (
        SELECT found.id FROM limits l CROSS JOIN LATERAL (
            SELECT b.id FROM outbox b
            WHERE b.owner = l.owner AND b.lease_until < l.before
              AND b.lease_until > statement_timestamp() - make_interval(secs => $3)
              AND (SELECT b.pending = 0 OR b.pending & k.mask <> 0
                  FROM unnest($5, $6) AS k (topic, mask) WHERE k.topic = b.topic)
            ORDER BY b.lease_until LIMIT $2) AS found),
    taken AS (
        SELECT id, owner FROM outbox WHERE id = ANY(ARRAY(SELECT id FROM abandoned))
        ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
    UPDATE outbox b SET owner = $1, lease_until = clock_timestamp() + interval '{LEASE_SECONDS} s'
    FROM taken WHERE b.id = taken.id AND b.id = ANY(ARRAY(SELECT id FROM taken))
      AND (b.lease_until < clock_timestamp() OR b.owner IN (SELECT owner FROM limits WHERE before > clock_timestamp()))
    RETURNING b.id, b.topic, b.subject_id, b.ref, b.pending, b.request_id,
        taken.owner NOT IN (0, $1)""",
)
"""Asks each owner's end of the index (owner, lease_until) only: reading through a backlog of 10^6 promises that others
work on took a third of a second, each second. $3 bounds how far back it looks: under a long transaction of somebody
else's, dead rows pile up there. (By statement_timestamp(): no index is asked by a volatile function.) Asking the index
who the owners are reads over all of these (100 ms at 200,000): only a full look does, the others ask for the processes
that began last. $4: whether others may be taken for dead. $5, $6: the topics that this process knows, with the bits of
their effects; of what it knows nothing of, it takes nothing: a newer version recorded it, and has to find it free.

The last column: whether another process left it behind without a word. What was handed back has no owner."""

RENEW = Statement(
    "renew",
    ("bigint[]", "bigint"),
    f"""UPDATE outbox SET lease_until = clock_timestamp() + interval '{LEASE_SECONDS} s'
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox WHERE id = ANY($1) AND owner + 0 = $2 ORDER BY id FOR UPDATE SKIP LOCKED))
    RETURNING id""",
)
"""`owner + 0`: by the index of owners it would read all that is ours, where it shall look up ids."""

HAND_BACK = Statement(
    "hand_back",
    ("bigint[]", "bigint"),
    """UPDATE outbox SET owner = 0, lease_until = clock_timestamp()
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox WHERE id = ANY($1) AND owner + 0 = $2 ORDER BY id FOR UPDATE SKIP LOCKED))
    RETURNING id""",
)


class Sweeper:
    """One process's sign of life, and its hand in finishing what others left."""

    def __init__(self, dsn: str, known: Mapping[str, int]) -> None:
        """`known`: the bits of the effects of each topic."""
        self._dsn = dsn
        self._known = list(known), list(known.values())
        self._connection: PreparedConnection | None = None
        self._one_at_a_time = RLock()
        self._looked_fully_at = -FULL_LOOK_SECONDS
        self._troubled_at = -float(RESTART_GRACE_SECONDS)
        self.number = 0
        """This process's number in the outbox; 0 until the database was reached."""

    def claim(self, limit: int) -> list[Row]:
        """Take over up to `limit` abandoned promises."""
        look_back = LOOK_BACK_SECONDS
        if clock.monotonic() - self._looked_fully_at > FULL_LOOK_SECONDS:
            look_back = ALL_TIME_SECONDS
            if self.sees_clearly():
                self._looked_fully_at = clock.monotonic()
        args = (self.number, min(limit, CLAIM_LIMIT), look_back)
        return sorted(self._run(CLAIM, lambda: (*args, self.sees_clearly(), *self._known)))

    def sees_clearly(self) -> bool:
        """Whether those who show no sign of life may be taken for dead: not soon after our own was lost, or a
        statement failed, since theirs may be on its way back."""
        return clock.monotonic() - self._troubled_at >= RESTART_GRACE_SECONDS

    def renew(self, ids: list[int]) -> set[int]:
        """Extend our leases; returns the ids that are ours still."""
        return {row[0] for row in self._run(RENEW, lambda: (ids, self.number))} if ids else set()

    def hand_back(self, ids: list[int]) -> None:
        """Free our promises for the other processes, who find them with their next sweep."""
        if ids:
            self._run(HAND_BACK, lambda: (ids, self.number))

    def close(self) -> None:
        """Let go of the sign of life."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ensure_alive(self) -> None:
        """Hold the lock that shows we live, on a new connection where the old one was cut."""
        with self._one_at_a_time:
            if self._connection is not None and not self._connection.cut:
                return
            if self.number:
                self._note_trouble()
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
            with suppress(psycopg2.Error):  # the sweep tells of it
                self.ensure_alive()

    def _note_trouble(self) -> None:
        self._troubled_at = clock.monotonic()
        self._looked_fully_at = -FULL_LOOK_SECONDS

    def _run(self, statement: Statement, args: Callable[[], Sequence[object]]) -> list[Row]:
        with self._one_at_a_time:
            self.ensure_alive()
            assert self._connection is not None
            try:
                return self._connection.run(statement, args())
            except psycopg2.Error:
                self._note_trouble()
                if not self._connection.broken:
                    raise
                # Probably cut while nothing happened; these statements may run twice.
                self.ensure_alive()
                return self._connection.run(statement, args())
