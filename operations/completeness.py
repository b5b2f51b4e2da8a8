"""The completeness check: finds events with missing effects although nothing is pending any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import text

from foundation.contract import LARGEST_ID
from foundation.db import PIECE, db
from side_effects.effects import Effect, EventType

COMPLETED_AFTER_SECONDS = 60
"""Younger events may be in progress."""


@dataclass(frozen=True)
class Missing:
    """An effect that was recorded, is not pending, and cannot be found."""

    event_type: str
    event_id: int
    effect: str


def missing(event_types: Iterable[EventType], hours: int) -> Iterator[Missing]:
    """Check all events of the last `hours`, of which nothing may be pruned yet; yields what is missing, which should be
    nothing."""
    for event_type in event_types:
        for piece in _pieces(event_type, hours) if event_type.table else ():
            for effect in event_type.effects:
                if effect.missing:
                    yield from _missing(event_type, effect, piece | {"hours": hours})


def _pieces(event_type: EventType, hours: int) -> Iterator[dict[str, int]]:
    """Ranges of ids, from the newest back to where the events are too old: however many there are, each is short."""
    sql = f"""SELECT min(id), max(id), count(*), max(at) > clock_timestamp() - make_interval(hours => :hours)
        FROM (SELECT id, at FROM {event_type.table} WHERE id < :before ORDER BY id DESC LIMIT :piece) AS piece"""
    before, full, young = LARGEST_ID, True, True
    while full and young:
        low, high, count, young = db.session.execute(
            text(sql), {"before": before, "piece": PIECE, "hours": hours}
        ).one()
        if count:
            yield {"low": low, "high": high}
        before, full = low, count == PIECE


def _missing(event_type: EventType, effect: Effect, values: dict[str, int]) -> Iterator[Missing]:
    check = text(missing_sql(event_type, effect))
    for row in db.session.execute(check, {**values, "completed": COMPLETED_AFTER_SECONDS}):
        yield Missing(event_type.name, row.id, effect.name)


def missing_sql(event_type: EventType, effect: Effect) -> str:
    """The check of one effect in one piece: the events between `:low` and `:high` that should have it, and do not."""
    return f"""SELECT e.id FROM {event_type.table} e
        WHERE e.id BETWEEN :low AND :high AND e.at > clock_timestamp() - make_interval(hours => :hours)
        AND e.at < clock_timestamp() - make_interval(secs => :completed)
        AND e.effect_bits & {1 << effect.bit} <> 0
        AND NOT EXISTS (SELECT FROM outbox o WHERE o.event_type = '{event_type.name}' AND o.event_id = e.id
            AND o.pending & {1 << effect.bit} <> 0)
        AND NOT EXISTS (SELECT FROM side_effects s WHERE s.event_type = '{event_type.name}' AND s.event_id = e.id
            AND s.kind = '{effect.name}' AND s.status <> 'succeeded')
        AND NOT ({event_type.forgotten}) AND {effect.missing} ORDER BY e.id"""
