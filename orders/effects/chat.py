"""One system message in the order's conversation, worded for each side."""

from __future__ import annotations

from chat.messages import SAY_SYSTEM, announce_message
from orders.effects.given import Given
from side_effects.effects import Effect, WrittenEffect, is_pending

BIT = 5

MESSAGE = f"""
system_messages AS (
    {SAY_SYSTEM}
    SELECT 'system', c.order_id, c.id, c.seller_id, c.buyer_id, 'Status changed to ' || c.seller_label, c.buyer_label
    FROM order_changes c WHERE {is_pending(BIT)}
    ON CONFLICT DO NOTHING RETURNING *)"""


def effects(_: Given) -> tuple[Effect, ...]:
    """The message, which both sides see live."""
    return (
        WrittenEffect(
            "chat.message",
            BIT,
            MESSAGE,
            announce_message("system_messages"),
            missing="NOT EXISTS (SELECT FROM messages m WHERE m.event_id = e.id)",
        ),
    )
