"""The state of each effect, derived and never written: a bit still set in the outbox is pending, a row in
`side_effects` shows its own status, and what is neither has succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundation import sql
from side_effects.effects import Effect, EventType, Run

SQL = sql.beside(__file__)
OF_ORDER = SQL.prepared("ledger_of_order")
UNFINISHED = SQL.prepared("ledger_unfinished")


def of(
    run: Run, event_type: EventType, order_id: int, effect_bits: Mapping[int, int]
) -> dict[int, list[dict[str, Any]]]:
    """For each event id of `effect_bits`: its effects, in the order of the list, and their status."""
    pending: dict[int, int] = {}
    entries: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for event_id, kind, destination, status, attempts, error in run(
        OF_ORDER, (event_type.name, order_id, list(effect_bits))
    ):
        if kind is None:
            pending[event_id] = pending.get(event_id, 0) | int(status)  # what is held has an entry of its own
        else:
            entry = {"effect": kind, "status": status, "destination": destination, "attempts": attempts}
            entries.setdefault((event_id, kind), []).append(entry | ({"error": error} if error else {}))
    return {
        event_id: [
            entry
            for effect in event_type.effects
            if bits & 1 << effect.bit
            for entry in (
                [row for kind in (effect.name, effect.fans_out) for row in entries.get((event_id, kind), ())]
                or _without_rows(effect, pending.get(event_id, 0))
            )
        ]
        for event_id, bits in effect_bits.items()
    }


def unfinished(run: Run, event_type: str, order_id: int, event_id: int) -> bool:
    """Whether any effect of this event is pending or running."""
    return bool(run(UNFINISHED, (event_type, order_id, event_id))[0][0])


def _without_rows(effect: Effect, pending: int) -> list[dict[str, Any]]:
    if pending & 1 << effect.bit:
        return [{"effect": effect.name, "status": "pending"}]
    return [] if effect.fans_out else [{"effect": effect.name, "status": "succeeded"}]
