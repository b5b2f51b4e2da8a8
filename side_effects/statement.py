"""Compose the one statement that settles a batch of promises and writes what they promised.

It begins by deleting the outbox rows; everything else is derived from what was really deleted. A second process
with the same ids waits, gets none and writes nothing: exactly once by construction, not by checking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from foundation.connections import Statement
from side_effects.effects import Topic, WrittenEffect, mask_of


@dataclass(frozen=True)
class Announcement:
    """What the room that keeps the live events adds to the statement."""

    ctes: str
    """CTEs that append `frames` (subject_id, position, channel, type, data) to the log."""

    select: str
    """The statement's result: what was appended."""

    before: str
    """Runs first, in the same transaction: the lock that makes the log's numbers follow the commits."""


SETTLE = """
gone AS (
    DELETE FROM outbox WHERE id = ANY($1) RETURNING id, topic, subject_id, pending),
waiting AS (
    SELECT id, pending FROM outbox WHERE id = ANY($2) AND pending & {mask} <> 0 ORDER BY id FOR UPDATE),
kept AS (
    UPDATE outbox o SET pending = o.pending & ~{mask} FROM waiting w WHERE o.id = w.id
    RETURNING o.id, o.topic, o.subject_id, w.pending),
settled AS MATERIALIZED (
    SELECT id, topic, subject_id, pending & {mask} AS pending FROM gone
    UNION ALL SELECT id, topic, subject_id, pending & {mask} FROM kept)"""
"""$1: promises of which nothing is left afterwards. $2: promises that still owe something to another lane."""

NO_FRAMES = "SELECT 0::bigint AS subject_id, 0 AS position, '' AS channel, '' AS type, '' AS data WHERE false"

POSTPONE = Statement(
    "postpone",
    ("bigint", "int"),
    """UPDATE outbox SET owner = 0, attempts = attempts + 1, pending = pending & $2,
        lease_until = clock_timestamp() + make_interval(secs => least(3600, 5 * 2 ^ attempts))
    WHERE id = $1 RETURNING attempts""",
)


@dataclass(frozen=True)
class Statements:
    """What the internal lane runs."""

    everything: Statement
    alone: Mapping[int, Statement]
    """By an effect's bit: the same statement for that effect only."""

    postpone: Statement = POSTPONE

    @classmethod
    def of(cls, topics: Sequence[Topic], announcement: Announcement) -> Self:
        written = [one for topic in topics for one in topic.effects if isinstance(one, WrittenEffect)]
        return cls(
            compose("settle", topics, written, announcement),
            {one.bit: compose(f"settle_{one.bit}", topics, [one], announcement) for one in written},
        )


def compose(
    name: str, topics: Sequence[Topic], written: Sequence[WrittenEffect], announcement: Announcement
) -> Statement:
    """The statement that does these effects for the promises of these topics."""
    parts = [SETTLE.format(mask=mask_of(written))]
    for topic in topics:
        mine = [effect for effect in written if effect in topic.effects]
        if mine:
            parts += [topic.source, *(effect.ctes for effect in mine if effect.ctes)]
    parts += [f"frames AS ({_frames(written)})", announcement.ctes]
    sql = "WITH " + ",\n".join(part.strip() for part in parts) + "\n" + announcement.select
    return Statement(name, ("bigint[]", "bigint[]"), sql, before=announcement.before)


def _frames(written: Sequence[WrittenEffect]) -> str:
    selects = [
        f"SELECT subject_id, {effect.bit} AS position, channel, type, data FROM ({effect.announces}) AS f{effect.bit}"
        for effect in written
        if effect.announces
    ]
    return "\n  UNION ALL ".join(selects) or NO_FRAMES
