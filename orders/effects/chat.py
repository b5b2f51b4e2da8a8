"""One system message in the order's conversation, worded for each side."""

from __future__ import annotations

from chat.effects import SAY_SYSTEM, LiveMessage
from orders import sentences
from orders.effects.given import Given
from side_effects.effects import IF_NEW, Effect, WrittenEffect, is_pending

BIT = 5


def _said() -> str:
    """SQL for the beginning of what the seller reads."""
    corrected, changed = sentences.before(sentences.CORRECTED_TO), sentences.before(sentences.STATUS_CHANGED)
    return f"CASE type WHEN 'order.corrected' THEN {corrected} ELSE {changed} END"


def _message() -> str:
    return f"""
system_messages AS (
    {SAY_SYSTEM}
    SELECT message_id, 'system', c.order_id, c.id, c.seller_id, c.buyer_id, {_said()} || c.seller_label,
           c.buyer_label, c.done_at
    FROM order_changes c WHERE {is_pending(BIT)}
    {IF_NEW})"""


def effects(_: Given) -> tuple[Effect, ...]:
    """The message, which both sides see live, each in its words."""
    live = LiveMessage("message_id", "'system'", "done_at", "id", "system_messages")
    return (
        WrittenEffect(
            "chat.message",
            BIT,
            _message(),
            (
                live.to("buyer", is_pending(BIT), "buyer_label"),
                live.to("seller", is_pending(BIT), f"{_said()} || seller_label"),
            ),
            (f"CASE WHEN {is_pending(BIT)} THEN nextval('messages_id_seq') END AS message_id",),
            missing="NOT EXISTS (SELECT FROM messages m WHERE m.event_id = e.id)",
        ),
    )
