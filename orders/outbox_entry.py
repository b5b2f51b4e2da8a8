"""The outbox entry of an order's event: its event type, and the effects that are pending when it is written."""

from __future__ import annotations

from dataclasses import dataclass

from orders.json_sql import literal
from side_effects.effects import EventType, mask_of

EVENT_TYPE = "order"


@dataclass(frozen=True)
class ChangeEffects:
    """The effects of a change, for the statement that records them."""

    bits: str
    """SQL for the bits of all of them, from `prev_status` and `status`."""

    to_buyer: int
    """The bits of those that a silent change does not have."""

    leaving: int
    """The bits of those that leave the service, and wait while the change is held."""

    places: str
    """SQL for the rows (bit, kind, destination) of these."""

    @classmethod
    def of(cls, event_type: EventType) -> ChangeEffects:
        leaving = [one for one in event_type.effects if one.leaves_to and one.on_change]
        return cls(
            pending_of_change(event_type, "prev_status", "status"),
            mask_of([one for one in event_type.effects if one.to_buyer]),
            mask_of(leaving),
            ", ".join(f"({1 << one.bit}, {literal(one.name)}, {literal(one.leaves_to)})" for one in leaving),
        )


def pending_of_creation(event_type: EventType, status: str) -> int:
    """The bits of the effects of creating an order with this status."""
    return mask_of(
        [one for one in event_type.effects if one.on_creation and (one.statuses is None or status in one.statuses)]
    )


RESENT = "order.notification_resent"
"""The type of an event that sends the last notification again."""


def pending_of_resending(event_type: EventType) -> int:
    """The bits of the effects of sending the last notification again."""
    return mask_of([one for one in event_type.effects if one.on_resending])


def pending_of_edit(event_type: EventType) -> int:
    """The bits of the effects of an edit, which does not change the status."""
    return mask_of([one for one in event_type.effects if one.on_edit])


def pending_of_change(event_type: EventType, source: str, target: str) -> str:
    """SQL for the bits of the effects of a change; `source` and `target` are SQL for its statuses."""
    effects = [one for one in event_type.effects if one.on_change]
    pending = str(mask_of([one for one in effects if one.statuses is None]))
    for one in effects:
        if one.statuses is not None:
            these = ", ".join(map(literal, one.statuses))
            pending += f" | CASE WHEN {source} IN ({these}) OR {target} IN ({these}) THEN {1 << one.bit} ELSE 0 END"
    return pending


def names_of_change(event_type: EventType, source: str, target: str, notify: bool = True) -> list[str]:
    """The names of the effects of a change from the status `source` to `target`."""
    return [
        one.name
        for one in event_type.effects
        if one.on_change
        and (one.statuses is None or {source, target} & {*one.statuses})
        and (notify or not one.to_buyer)
    ]
