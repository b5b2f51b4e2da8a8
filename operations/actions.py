"""Operators' queries and actions on side effects; each action is recorded in the audit trail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import TextClause, text

from access import guards
from access.actors import actor_json
from foundation import sql
from foundation.clock import unix_seconds
from foundation.db import commit, db, in_pieces, one_piece
from foundation.errors import InvalidRequest, NotFound
from operations.selection import Selection
from outbox import modes
from side_effects.circuit import SLOT_SECONDS, WINDOW_SLOTS

AT_ONCE = 10_000
"""Rows that one action changes, or one listing of groups reads: a page never counts a large table."""

MOST_DESTINATIONS = 500
"""Destinations that one listing shows."""

CHANGE_DAYS = 90
"""How long a change of a circuit is kept; a destination that comes and goes makes more than a thousand a day."""

ROLE, ID = "split_part(actor, ' ', 1)", "split_part(actor, ' ', 2)::bigint"
"""SQL for the two parts of an actor such as `operator 1`."""

BY = f"CASE WHEN actor_via IS NOT NULL THEN {actor_json(ROLE, ID, 'actor_via', reader=ROLE)}::json END"

SQL = sql.beside(__file__, at_once=AT_ONCE, by=BY)
GROUPS = SQL.text("groups")
PAUSE = SQL.text("pause")
RESUME = SQL.text("resume")
RECORD_CHANGE = SQL.text("record_change")
ERASE_QUOTED, ERASE_TARGETS = SQL.text("erase_quoted"), SQL.text("erase_targets")
ERASE_SELECTIONS = SQL.text("erase_selections")
CIRCUITS = SQL.text("circuits")
MODES_SET = SQL.text("modes")
FORGET_MODES = SQL.text("forget_modes")
SET_MODE = SQL.text("set_mode")
RESET_MODE = SQL.text("reset_mode")
ACTIONS = SQL.text("actions")
RECORD = SQL.text("record")
PRUNE_CHANGES = SQL.text("prune_changes")


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


def circuits(only_paused: bool = False) -> list[dict[str, Any]]:
    """Destinations that were ever called, first those that are not called now, with what waits for each."""
    first_slot = int(unix_seconds() // SLOT_SECONDS) - WINDOW_SLOTS
    rows = db.session.execute(
        CIRCUITS, {"limit": MOST_DESTINATIONS, "first_slot": first_slot, "only_paused": only_paused}
    )
    return [dict(row._mapping) for row in rows]


def modes_set() -> dict[str, str]:
    """The mode of each kind for which an operator has set one; `*` is all others."""
    return {row.kind: row.mode for row in db.session.execute(MODES_SET)}


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


def record(actor: str, action: str, target: str, reason: str, count: int, via: str | None = None) -> None:
    """Write down what an operator did, by this or by the current request; committed with what was done."""
    values = {"actor": actor, "action": action, "target": target, "reason": reason, "count": count}
    values |= {"via": via or guards.via()}
    db.session.execute(RECORD, values)


def erase_quoted(addresses: Sequence[str]) -> None:
    """Erase the reasons of circuits' changes, and the selections of operators, that quote one of these addresses, in
    chunks that each commit."""
    for statement in (ERASE_QUOTED, ERASE_TARGETS, ERASE_SELECTIONS) if addresses else ():
        in_pieces(statement, addresses=list(addresses))


def prune_changes() -> int:
    """Delete a chunk of old changes of circuits; returns how many. The audit trail of operators' actions stays."""
    return one_piece(PRUNE_CHANGES, days=CHANGE_DAYS)
