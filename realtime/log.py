"""Append to the log of live events, read from it, and forget what is too old to be replayed.

An append first takes an advisory lock and only then draws its numbers, so the numbers follow the commits over all
processes: who has seen number n has seen everything below it, and a cursor is one integer. (Without the lock, 8
writers made readers miss 8 to 16 % of the events.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundation import locks
from foundation.connections import PreparedPool, Row, Statement
from realtime.channel_index import ALL

WAKE_CHANNEL = "onward_log"
"""PostgreSQL NOTIFY channel; its payload is the newest number."""

WAIT_FOR_APPENDS = f"SELECT pg_advisory_xact_lock({locks.APPEND})"
"""Whoever appends afterwards has read what was committed before."""

LOCK = f"pg_advisory_xact_lock({locks.APPEND})"
TAKE_LOCK = f"SELECT {LOCK}; "

APPEND = f"""
appended AS (
    INSERT INTO realtime_events (seq, channel, type, data, order_id)
    SELECT nextval('realtime_seq'), channel, type, data, order_id
    FROM (SELECT channel, type, data, order_id FROM frames ORDER BY event_id, position, channel) AS in_order
    RETURNING seq, channel, type, data),
told AS MATERIALIZED (
    SELECT pg_notify('{WAKE_CHANNEL}', max(seq)::text) FROM appended HAVING count(*) > 0)"""
"""Reads `frames` (event_id, order_id, position, channel, type, data)."""

APPENDED = "SELECT seq, channel, type, data FROM appended LEFT JOIN told ON true ORDER BY seq"

PAGE = 500
"""Events read from the log at once."""

STATE = Statement(
    "log_state",
    (),
    """SELECT epoch, pruned_through, greatest(pruned_through, coalesce((SELECT max(seq) FROM realtime_events), 0))
    FROM realtime_log""",
)
AFTER = Statement(
    "log_after",
    ("bigint",),
    f"SELECT seq, channel, type, data FROM realtime_events WHERE seq > $1 ORDER BY seq LIMIT {PAGE}",
)
REPLAY = Statement(
    "log_replay",
    ("text[]", "bigint", "bigint"),
    f"""SELECT pruned_through, '', '', '' FROM realtime_log UNION ALL (
    SELECT seq, channel, type, data FROM realtime_events WHERE channel = ANY($1) AND seq > $2 AND seq <= $3
    ORDER BY seq LIMIT {PAGE})""",
)
"""The first row tells what is gone, as of the same moment: the log may be pruned while somebody replays it."""

REPLAY_ALL = Statement(
    "log_replay_all",
    ("text", "bigint", "bigint"),
    f"""SELECT pruned_through, '', '', '' FROM realtime_log UNION ALL (
    SELECT seq, channel, type, data FROM realtime_events WHERE starts_with(channel, $1) AND seq > $2 AND seq <= $3
    ORDER BY seq LIMIT {PAGE})""",
)
"""The same for all channels of one sort, read along the log."""

_STANDS = """SELECT epoch, '', pruned_through::text, greatest(pruned_through, coalesce(
    (SELECT max(seq) FROM realtime_events), 0))::text FROM realtime_log"""
CATCH_UP = Statement(
    "log_catch_up",
    ("text[]", "bigint", "int"),
    f"""{_STANDS} UNION ALL (
    SELECT e.* FROM unnest($1) AS mine (channel) CROSS JOIN LATERAL (
        SELECT seq, channel, type, data FROM realtime_events
        WHERE channel = mine.channel AND seq > $2 ORDER BY seq LIMIT $3) AS e
    ORDER BY seq LIMIT $3)""",
)
"""The first row tells where the log stands, as of the same moment. Asked for all channels at once, PostgreSQL would
read and sort everything behind the cursor for each page."""

CATCH_UP_ALL = Statement(
    "log_catch_up_all",
    ("text", "bigint", "int"),
    f"""{_STANDS} UNION ALL (
    SELECT seq, channel, type, data FROM realtime_events WHERE seq > $2 AND starts_with(channel, $1)
    ORDER BY seq LIMIT $3)""",
)
"""The same for all channels of one sort, read along the log."""

PRUNE = Statement(
    "log_prune",
    ("int", "int"),
    f"""WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({locks.PRUNE}) AS yes),
    oldest AS (SELECT seq, created_at FROM realtime_events WHERE (SELECT yes FROM mine) ORDER BY seq LIMIT $2),
    old AS (SELECT max(seq) AS seq FROM oldest WHERE created_at < clock_timestamp() - make_interval(hours => $1)),
    gone AS (DELETE FROM realtime_events WHERE seq <= (SELECT seq FROM old) RETURNING seq),
    marked AS (UPDATE realtime_log SET pruned_through = greatest(pruned_through, (SELECT seq FROM old))
        WHERE (SELECT seq FROM old) IS NOT NULL)
    SELECT count(*) FROM gone""",
)
"""A range of the primary key, of bounded length and by one process at a time: a long delete would hold its snapshot
and with it every dead row of the outbox."""


class Pruned(Exception):
    """The log does not reach back so far any more."""


@dataclass(frozen=True)
class LogState:
    """Where the log stands."""

    epoch: int
    pruned_through: int
    head: int
    """The newest number that is committed."""


class Log:
    """Reads the log over a small pool of its own."""

    def __init__(self, pool: PreparedPool) -> None:
        self._pool = pool

    def state(self) -> LogState:
        return LogState(*self._pool.run(STATE, ())[0])

    def after(self, seq: int) -> list[Row]:
        """The next events of all channels, up to 500, in order."""
        return self._pool.run(AFTER, (seq,))

    def replay(self, channels: Sequence[str], seq: int, through: int) -> list[Row]:
        """The next events of these channels, or of all of a sort, up to and with the number `through`, at most 500.

        Raises Pruned when some of them may be gone.
        """
        if channels[0].endswith(ALL):
            (pruned_through, *_), *rows = self._pool.run(REPLAY_ALL, (channels[0].removesuffix(ALL), seq, through))
        else:
            (pruned_through, *_), *rows = self._pool.run(REPLAY, (list(channels), seq, through))
        if pruned_through > seq:
            raise Pruned
        return rows

    def catch_up(self, channels: Sequence[str], seq: int, limit: int) -> tuple[LogState, list[Row]]:
        """Where the log stands, and the next events of these channels, or of all that begin as the one with a `*`."""
        if channels[0].endswith(ALL):
            stands, *rows = self._pool.run(CATCH_UP_ALL, (channels[0].removesuffix(ALL), seq, limit))
        else:
            stands, *rows = self._pool.run(CATCH_UP, (list(channels), seq, limit))
        return LogState(stands[0], int(stands[2]), int(stands[3])), rows

    def prune(self, hours: int, limit: int = 2000) -> int:
        """Forget up to `limit` events older than `hours`; returns how many."""
        count: int = self._pool.run(PRUNE, (hours, limit))[0][0]
        return count
