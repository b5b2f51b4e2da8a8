"""Composes the one statement that completes a batch of entries and writes their effects.

It starts by deleting the outbox rows; everything else is derived from what was really deleted. A second process with
the same ids waits, gets none and writes nothing: exactly once by construction, not by checking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from foundation.connections import Statement
from outbox import announcing
from side_effects.effects import IF_NEW, EventType, WrittenEffect, mask_of
from side_effects.liveness import HELD
from side_effects.rows import ONE_MILLISECONDS, limits


class LogForm(Protocol):
    """What is known here of the log."""

    packed: bool
    """Whether every process can read packs by now."""


@dataclass(frozen=True)
class Announcement:
    """What realtime adds to the statement, to append live events."""

    packs: str
    """CTEs that append `packs` (sort, channel, other, recipe, pieces, events, event_id) to the log."""

    frames: str
    """CTEs that append `frames` (sort, position, channel, type, data, order_id) to the log: a row for each event."""

    select: str
    """The statement's result: what was appended."""

    lock: str
    """A call that takes the lock which makes the log's numbers follow the commits; first in the transaction."""

    log: LogForm
    """Read before each statement."""


MANY_MILLISECONDS, FEW_MILLISECONDS = 500, 250
"""Time limits for a batch (of 500, which takes a tenth of that), and for a few entries of one that took too long."""

COMPLETE = """
gone AS (
    DELETE FROM outbox WHERE id = ANY($1) RETURNING id, event_type, event_id, pending),
mine AS MATERIALIZED (
    SELECT event_type, order_id, max(id) AS last FROM (
        SELECT id, event_type, order_id FROM outbox WHERE id = ANY($1 || $2) OFFSET 0) AS these GROUP BY event_type,
        order_id),
waiting AS (
    SELECT id, event_type, event_id, pending FROM outbox WHERE pending & {mask} <> 0 AND id = ANY(ARRAY(
        (SELECT unnest($2) UNION
        SELECT earlier.id FROM mine CROSS JOIN LATERAL (
            SELECT id FROM outbox WHERE order_id = mine.order_id AND event_type = mine.event_type AND id + 0 <
            mine.last AND owner + 0 <> {held} OFFSET 0
        ) AS earlier)
        EXCEPT SELECT unnest($1)))
    ORDER BY id FOR UPDATE),
kept AS (
    UPDATE outbox SET pending = pending & ~{mask} WHERE id = ANY(ARRAY(SELECT id FROM waiting))),
completed AS MATERIALIZED (
    SELECT id, event_type, event_id, pending & {mask} AS pending FROM gone
    UNION ALL SELECT id, event_type, event_id, pending & {mask} FROM waiting)"""
"""$1: entries of which nothing is left. $2: entries with effects pending in a bulkhead.

Earlier entries of the same order are included, whichever process has them: so effects happen in the order of the
events, even if another process was slower. That process will find nothing left to write. Those that are held wait.

The plan is made once, possibly while the tables are empty, and kept while they grow, until their statistics are
refreshed: so the statement leaves the planner no choice. Each table is read only by its key, for ids in an array or,
row by row, behind `LATERAL (... OFFSET 0)`, which PostgreSQL neither joins nor reads as a whole; `id + 0` matches no
index. With joins, and the statistics of 170 orders, 500 of 8,500 waiting entries took a hundred million comparisons and
never finished within 5 s: all effects stopped until autovacuum ran.
"""

RECORD_ROW = """
completed AS MATERIALIZED (
    UPDATE side_effects SET status = 'succeeded', owner = 0, claimed_until = NULL, finished_at = clock_timestamp()
    WHERE id = $1[1] AND attempts = $2[1] AND status || '' = 'running'
    RETURNING id, event_type, event_id, {mask} AS pending)"""
"""For an internal effect that failed at its first attempt and has a row of its own: $1 its id, $2 the attempt."""


@dataclass(frozen=True)
class Statements:
    """The statements of the batch writer."""

    everything: Statement
    few: Statement
    """The same for a few of many that took too long."""

    alone: Mapping[int, Statement]
    """By an effect's bit: the same statement for that effect only."""

    rows: Mapping[int, Statement]
    """By an effect's bit: its second and later attempts, from a row of its own."""

    @classmethod
    def of(cls, event_types: Sequence[EventType], announcement: Announcement, packed: bool) -> Self:
        """Those that pack the live events of a change, or those that write a row for each."""
        composer = Composer(event_types, announcement, packed)
        written = [one for event_type in event_types for one in event_type.effects if isinstance(one, WrittenEffect)]
        return cls(
            composer.compose("complete", written, MANY_MILLISECONDS),
            composer.compose("complete_few", written, FEW_MILLISECONDS),
            {one.bit: composer.compose(f"complete_{one.bit}", [one], careful=True) for one in written},
            {
                one.bit: composer.compose(f"record_row_{one.bit}", [one], complete=RECORD_ROW, careful=True)
                for one in written
            },
        )


@dataclass(frozen=True)
class Forms:
    """The statements in both forms of the log; processes of the release before can read rows only."""

    packs: Statements
    rows: Statements
    log: LogForm

    @classmethod
    def of(cls, event_types: Sequence[EventType], announcement: Announcement) -> Self:
        packs, rows = (Statements.of(event_types, announcement, packed) for packed in (True, False))
        return cls(packs, rows, announcement.log)


@dataclass(frozen=True)
class Composer:
    """Composes statements that write live events in one of the two forms."""

    event_types: Sequence[EventType]
    announcement: Announcement
    packed: bool

    def compose(
        self,
        name: str,
        written: Sequence[WrittenEffect],
        milliseconds: int = ONE_MILLISECONDS,
        complete: str = COMPLETE,
        careful: bool = False,
    ) -> Statement:
        """The statement that completes entries this way and does these effects for what was completed; `careful` where
        some of their rows may be there already."""
        parts = [complete.format(mask=mask_of(written), held=HELD)]
        for event_type in self.event_types:
            mine = [effect for effect in written if effect in event_type.effects]
            if mine:
                parts += [event_type.source, *(effect.ctes for effect in mine if effect.ctes)]
        if self.packed:
            parts += [announcing.packs(self.event_types, written, careful), self.announcement.packs]
        else:
            parts += [announcing.frames(self.event_types, written, careful), self.announcement.frames]
        sql = "WITH " + ",\n".join(part.strip() for part in parts) + "\n" + self.announcement.select
        return Statement(
            name if self.packed else f"{name}_in_rows",
            ("bigint[]", "bigint[]"),
            sql if careful else sql.replace(f"\n    {IF_NEW}", ""),
            before=f"SELECT {self.announcement.lock}, {limits(milliseconds)}; ",
        )
