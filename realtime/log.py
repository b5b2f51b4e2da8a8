"""Appends to the log of live events, reads it, and prunes what is too old to be replayed.

An append first takes an advisory lock and only then draws its numbers, so numbers follow commits over all processes: a
reader that has seen number n has seen everything below it, and a cursor is one integer. (Without the lock, 8 writers
made readers miss 8 to 16 % of the events.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundation import locks, sql
from foundation.connections import PreparedPool, Row, Statement
from realtime.channel_index import ALL

WAKE_CHANNEL = "onward_log"
"""PostgreSQL NOTIFY channel; its payload is the newest number."""

PAGE = 500
"""Rows read from the log at once, and the most events of a page of `GET /api/events`."""

END = 2**63 - 1
"""Above every number."""

SQL = sql.beside(__file__, append_lock=locks.APPEND, prune_lock=locks.PRUNE, wake_channel=WAKE_CHANNEL)
LOCK, APPENDED = SQL.fragment("lock"), SQL.fragment("appended")
APPEND_PACKS, APPEND_ROWS = SQL.fragment("append_packs"), SQL.fragment("append_rows")
"""The parts of a statement that appends: the lock that it takes first, what it returns, and CTEs that read `packs` or,
in the form of the release before, `frames`."""

TAKE_LOCK = f"SELECT {LOCK}; "
WAIT_FOR_APPENDS = SQL.text("wait_for_appends")
APPEND_PACK, APPEND_ROW = SQL.text("append_pack"), SQL.text("append_row")
STATE = SQL.prepared("log_state")
BETWEEN = SQL.prepared("log_between")
REPLAY = SQL.prepared("log_replay")
REPLAY_ALL = SQL.prepared("log_replay_all")
READ_PAGE = SQL.prepared("log_page")
READ_PAGE_OF_ALL = SQL.prepared("log_page_of_all")
PRUNE = SQL.prepared("log_prune")


class Pruned(Exception):
    """The log no longer reaches back that far."""


@dataclass(frozen=True)
class LogState:
    """The log's current position."""

    epoch: int
    pruned_through: int
    head: int
    """The newest committed number."""

    packed: bool = False
    """Whether events are packed: no process of the release before is left, which could not read them."""


class EventLog:
    """Reads the log over a small pool of its own."""

    def __init__(self, pool: PreparedPool) -> None:
        self._pool = pool

    def state(self) -> LogState:
        return LogState(*self._pool.run(STATE, ())[0])

    def between(self, seq: int, through: int = END) -> list[Row]:
        """The next rows of all channels, up to and including the number `through`, at most 500, in order."""
        return self._pool.run(BETWEEN, (seq, through, PAGE))

    def replay(self, channels: Sequence[str], seq: int, through: int) -> list[Row]:
        """The next rows with events of these channels, or of all with a prefix, that end above `seq` and not above
        `through`, at most 500.

        Raises Pruned if some of them may be deleted.
        """
        statement, wanted = _among(channels, REPLAY, REPLAY_ALL)
        (pruned_through, *_), *rows = self._pool.run(statement, (wanted, seq, through, PAGE))
        if pruned_through > seq:
            raise Pruned
        return rows

    def read_page(self, channels: Sequence[str], seq: int, limit: int) -> tuple[LogState, list[Row]]:
        """The log's position, and the next rows with events of these channels, or of all that match the one with a
        `*`."""
        statement, wanted = _among(channels, READ_PAGE, READ_PAGE_OF_ALL)
        stands, *rows = self._pool.run(statement, (wanted, seq, limit))
        return LogState(stands[0], int(stands[3]), int(stands[4])), rows

    def prune(self, hours: int, limit: int = 2000) -> int:
        """Delete up to `limit` rows older than `hours`; returns how many."""
        count: int = self._pool.run(PRUNE, (hours, limit))[0][0]
        return count


def _among(channels: Sequence[str], some: Statement, every: Statement) -> tuple[Statement, list[str] | str]:
    """The statement for these channels, or for all that match the one with a `*`, and its first parameter."""
    return (every, channels[0].removesuffix(ALL)) if channels[0].endswith(ALL) else (some, list(channels))
