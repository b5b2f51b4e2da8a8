"""The outbox entry of an order's event: its event type, and the effects that are pending when it is written."""

from __future__ import annotations

from orders.json_sql import literal
from side_effects.effects import EventType, mask_of

EVENT_TYPE = "order"


def pending_of_creation(event_type: EventType, status: str) -> int:
    """The bits of the effects of creating an order with this status."""
    return mask_of(
        [one for one in event_type.effects if one.on_creation and (one.statuses is None or status in one.statuses)]
    )


def pending_of_change(event_type: EventType, source: str, target: str) -> str:
    """SQL for the bits of the effects of a change; `source` and `target` are SQL for its statuses."""
    pending = str(mask_of([one for one in event_type.effects if one.statuses is None]))
    for one in event_type.effects:
        if one.statuses is not None:
            these = ", ".join(map(literal, one.statuses))
            pending += f" | CASE WHEN {source} IN ({these}) OR {target} IN ({these}) THEN {1 << one.bit} ELSE 0 END"
    return pending


def names_of_change(event_type: EventType, source: str, target: str) -> list[str]:
    """The names of the effects of a change from the status `source` to `target`."""
    return [one.name for one in event_type.effects if one.statuses is None or {source, target} & {*one.statuses}]
