"""Operators' queries and actions on side effects; each action is recorded in the audit trail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text

from access import guards
from access.actors import actor_json
from foundation import sql
from foundation.contract import LARGEST_ID
from foundation.db import commit, db, in_pieces, one_piece
from foundation.errors import InvalidRequest, NotFound
from outbox import modes
from side_effects.effects import EventType

AT_ONCE = 10_000
"""Rows that one action changes, or one listing of groups reads: a page never counts a large table."""

SPAN = 200_000
"""Ids that one page scans: a filter without matches otherwise scanned all of 10^7 rows."""

CHANGE_DAYS = 90
"""How long a change of a circuit is kept; a destination that comes and goes makes more than a thousand a day."""

INDEXED = ("pending", "running", "dead")
"""Statuses whose rows have an index of their own."""

MEMBERS = (
    "id, kind, destination, event_type, event_id, order_id, status, attempts, crashes, scheduled_at, last_error, "
    "fingerprint, request_id, created_at, finished_at"
)

ROLE, ID = "split_part(actor, ' ', 1)", "split_part(actor, ' ', 2)::bigint"
"""SQL for the two parts of an actor such as `operator 1`."""

BY = f"CASE WHEN actor_via IS NOT NULL THEN {actor_json(ROLE, ID, 'actor_via', reader=ROLE)}::json END"

SQL = sql.beside(__file__, at_once=AT_ONCE, by=BY)
NEWEST_BELOW = SQL.text("newest_below")
GROUPS = SQL.text("groups")
PAUSE = SQL.text("pause")
RESUME = SQL.text("resume")
RECORD_CHANGE = SQL.text("record_change")
ERASE_QUOTED = SQL.text("erase_quoted")
CIRCUITS = SQL.text("circuits")
FORGET_MODES = SQL.text("forget_modes")
SET_MODE = SQL.text("set_mode")
RESET_MODE = SQL.text("reset_mode")
ACTIONS = SQL.text("actions")
RECORD = SQL.text("record")
PRUNE_CHANGES = SQL.text("prune_changes")


@dataclass(frozen=True)
class Selection:
    """The side effects of an action: all given conditions hold."""

    ids: tuple[int, ...] = ()
    kind: str | None = None
    fingerprint: str | None = None
    destination: str | None = None

    def where(self) -> tuple[str, dict[str, Any]]:
        """SQL over `s`, and its parameters."""
        values = {"kind": self.kind, "fingerprint": self.fingerprint, "destination": self.destination}
        named = {name: value for name, value in values.items() if value is not None}
        conditions = [f"s.{name} = :{name}" for name in named]
        if self.ids:
            conditions.append("s.id = ANY(:ids)")
            named["ids"] = list(self.ids)  # type: ignore[assignment]
        return " AND ".join(conditions) or "true", named

    def __str__(self) -> str:
        parts = [f"{name} {value}" for name, value in vars(self).items() if value]
        return ", ".join(parts) or "all"


def page(
    event_types: Mapping[str, EventType],
    status: str | None,
    chosen: Selection,
    before: int = LARGEST_ID,
    limit: int = 50,
) -> tuple[str, int | None]:
    """The newest side effects below `before` as a JSON array, each with `moved_on`, and the cursor of the next page.

    A page may have fewer than `limit`, or none, although another follows: it scans `SPAN` ids.
    """
    where, values = chosen.where()
    moved_on = " ".join(f"WHEN '{event_type.name}' THEN {event_type.moved_on}" for event_type in event_types.values())
    if status is not None:
        where, values["status"] = f"{where} AND s.status = :status", status
    lowest = 0
    if status not in INDEXED:
        newest = db.session.execute(NEWEST_BELOW, {"before": before})
        lowest = max(0, (newest.scalar() or 0) - SPAN)
    found = db.session.execute(
        text(
            f"""SELECT '[' || coalesce(string_agg(row_to_json(members)::text, ',' ORDER BY id DESC), '') || ']',
                min(id), count(*), EXISTS (SELECT FROM side_effects WHERE id <= :lowest)
            FROM (SELECT {MEMBERS}, coalesce(CASE s.event_type {moved_on} END, false) AS moved_on FROM side_effects s
                WHERE {where} AND s.id < :before AND s.id > :lowest ORDER BY s.id DESC LIMIT :limit) AS members"""
        ),
        values | {"before": before, "lowest": lowest, "limit": limit},
    ).one()
    if found[2] == limit:
        return found[0], found[1]
    return found[0], lowest + 1 if found[3] else None


def groups() -> list[dict[str, Any]]:
    """Dead letters by kind and error, most frequent first."""
    rows = db.session.execute(GROUPS)
    return [dict(row._mapping) for row in rows]


def redeliver(actor: str, chosen: Selection, per_second: float) -> int:
    """Redeliver dead letters, in the order of their events, at this rate; returns how many."""
    where, values = chosen.where()
    composed = f"""UPDATE side_effects SET status = 'pending', attempts = 0, crashes = 0, finished_at = NULL,
            scheduled_at = clock_timestamp() + make_interval(secs => o.place / CAST(:pace AS float8))
        FROM (SELECT s.id, row_number() OVER (ORDER BY s.event_id, s.id) AS place FROM side_effects s
            WHERE s.status = 'dead' AND {where} ORDER BY s.event_id, s.id LIMIT {AT_ONCE}) AS o
        WHERE side_effects.id = o.id AND side_effects.status = 'dead'"""
    return _act(actor, "redeliver", str(chosen), "", text(composed), values | {"pace": per_second})


def discard(actor: str, chosen: Selection, reason: str) -> int:
    """Discard dead letters; returns how many."""
    where, values = chosen.where()
    composed = f"""UPDATE side_effects SET status = 'discarded', finished_at = clock_timestamp() WHERE id IN (
        SELECT s.id FROM side_effects s WHERE s.status = 'dead' AND {where} ORDER BY s.id LIMIT {AT_ONCE})"""
    return _act(actor, "discard", str(chosen), reason, text(composed), values)


def pause(actor: str, destination: str, reason: str) -> None:
    """Let nothing go to this destination until it is resumed; nothing is lost, and no attempt is spent."""
    _switch(actor, "pause", destination, reason, PAUSE, "paused")


def resume(actor: str, destination: str, reason: str) -> None:
    """Let a paused destination be called again, with a closed circuit; NotFound where there is none."""
    _switch(actor, "resume", destination, reason, RESUME, "closed")


def circuits() -> list[dict[str, Any]]:
    """Destinations whose circuit has ever opened, and their last change."""
    rows = db.session.execute(CIRCUITS)
    return [dict(row._mapping) for row in rows]


def set_mode(actor: str, mode: str, kind: str, known: Collection[str]) -> None:
    """Set the mode of a kind (`*`: all), or `default`, which follows the setting; every process applies it within two
    seconds.

    Raises InvalidRequest for an unknown kind.
    """
    if kind != modes.ALL and kind not in known:
        raise InvalidRequest(f"Unknown kind {kind[:50]!r}; the kinds are {', '.join(sorted(known))}.")
    if kind == modes.ALL:
        db.session.execute(FORGET_MODES)  # what was said of single kinds is void
    if mode == modes.DEFAULT:
        _act(actor, "mode", kind, mode, RESET_MODE, {"kind": kind})
    else:
        _act(actor, "mode", kind, mode, SET_MODE, {"kind": kind, "mode": mode})


def actions(limit: int = 100) -> list[dict[str, Any]]:
    """The audit trail, newest first."""
    rows = db.session.execute(ACTIONS, {"limit": limit})
    return [dict(row._mapping) for row in rows]


def _act(
    actor: str,
    action: str,
    target: str,
    reason: str,
    statement: TextClause,
    values: Mapping[str, Any],
    absent: str = "",
) -> int:
    """How many rows it was; where that has to be one at least, `absent` is the sentence of NotFound."""
    count: int = db.session.execute(statement, values).rowcount  # type: ignore[attr-defined]
    if absent and not count:
        db.session.rollback()
        raise NotFound(absent)
    record(actor, action, target, reason, count)
    commit()
    return count


def _switch(actor: str, action: str, destination: str, reason: str, statement: TextClause, state: str) -> None:
    why = f"{action}d by {actor}" + (f": {reason}" if reason else "")
    db.session.execute(RECORD_CHANGE, {"destination": destination, "state": state, "reason": why})
    absent = f"No circuit for {destination[:100]!r}."
    _act(actor, action, destination, reason, statement, {"destination": destination}, absent)


def record(actor: str, action: str, target: str, reason: str, count: int) -> None:
    """Write down what an operator did; committed with what was done."""
    values = {"actor": actor, "action": action, "target": target, "reason": reason, "count": count}
    values |= {"via": guards.via()}
    db.session.execute(RECORD, values)


def erase_quoted(addresses: Sequence[str]) -> None:
    """Erase the reasons of circuits' changes that quote one of these addresses, in chunks that each commit."""
    if addresses:
        in_pieces(ERASE_QUOTED, addresses=list(addresses))


def prune_changes() -> int:
    """Delete a chunk of old changes of circuits; returns how many. The audit trail of operators' actions stays."""
    return one_piece(PRUNE_CHANGES, days=CHANGE_DAYS)
