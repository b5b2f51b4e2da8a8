"""An effect that calls another system: the batch writes its row in `side_effects`, and a worker makes the call."""

from __future__ import annotations

from orders.outbox_entry import EVENT_TYPE
from side_effects.effects import DurableEffect, is_pending
from side_effects.insertion import insert
from side_effects.kinds import Kind


def outgoing(
    bit: int,
    handler: Kind,
    destination: str,
    enabled: bool,
    only: str = "true",
    to_buyer: bool = False,
    on_resending: bool = False,
    scheduled_at: str | None = None,
) -> DurableEffect:
    """The effect with this bit; it has the name of its handler.

    `destination` names the circuit that its calls share. `enabled` is false if a setting that it needs is missing.
    `only` is an SQL condition over the columns of `order_events`: the changes that have the effect.
    `to_buyer`: a change that is to be silent does not have it.
    `on_resending`: sending the last notification again has it too.
    `scheduled_at` is SQL over the same columns: when it is due; None if at once.
    """
    rows = insert(
        f"order_changes WHERE {is_pending(bit)} AND ({only}) ORDER BY id",
        kind=f"'{handler.name}'",
        destination=f"'{destination}'",
        event_type=f"'{EVENT_TYPE}'",
        **({"scheduled_at": scheduled_at} if scheduled_at else {}),
    )
    return DurableEffect(
        handler.name,
        bit,
        f"{handler.name.replace('.', '_')}_rows AS (\n    {rows})",
        missing=f"""({only})
        AND NOT EXISTS (SELECT FROM side_effects s WHERE s.event_id = e.id AND s.kind = '{handler.name}')""",
        leaves_to=destination,
        to_buyer=to_buyer,
        handler=handler if enabled else None,
        enabled=enabled,
        on_resending=on_resending,
    )
