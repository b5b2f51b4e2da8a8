"""Where each promised effect stands, derived and never written: a bit still set in the outbox is pending, a row in
`side_effects` shows its own status, and what is neither has succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundation.connections import Statement
from side_effects.effects import Run, Topic

OF_REF = Statement(
    "ledger_of_ref",
    ("text", "bigint", "bigint[]"),
    """SELECT subject_id, NULL::text, NULL::text, pending::text, NULL::int, NULL::text FROM outbox
        WHERE topic = $1 AND ref = $2
    UNION ALL SELECT subject_id, kind, destination, status, attempts, last_error FROM side_effects
        WHERE topic = $1 AND subject_id = ANY($3)""",
)
"""Side effects by what they are for: those that are done stand in no index by `ref`."""

UNFINISHED = Statement(
    "ledger_unfinished",
    ("text", "bigint", "bigint"),
    """SELECT EXISTS (SELECT FROM outbox WHERE topic = $1 AND ref = $2 AND subject_id = $3)
        OR EXISTS (SELECT FROM side_effects
            WHERE topic = $1 AND subject_id = $3 AND status IN ('pending', 'running'))""",
)


def of(run: Run, topic: Topic, ref: int, effect_bits: Mapping[int, int]) -> dict[int, list[dict[str, Any]]]:
    """For each subject id of `effect_bits`: its effects, in the order of the list, and their status."""
    pending: dict[int, int] = {}
    entries: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for subject_id, kind, destination, status, attempts, error in run(OF_REF, (topic.name, ref, list(effect_bits))):
        if kind is None:
            pending[subject_id] = int(status)
        else:
            entry = {"effect": kind, "status": status, "destination": destination, "attempts": attempts}
            entries.setdefault((subject_id, kind), []).append(entry | ({"error": error} if error else {}))
    return {
        subject_id: [
            entry
            for effect in topic.effects
            if bits & 1 << effect.bit
            for entry in (
                entries.get((subject_id, effect.name))
                or [{"effect": effect.name, "status": _status(pending.get(subject_id, 0), effect.bit)}]
            )
        ]
        for subject_id, bits in effect_bits.items()
    }


def unfinished(run: Run, topic: str, ref: int, subject_id: int) -> bool:
    """Whether anything that was promised for this subject waits or runs."""
    return bool(run(UNFINISHED, (topic, ref, subject_id))[0][0])


def _status(pending: int, bit: int) -> str:
    return "pending" if pending & 1 << bit else "succeeded"
