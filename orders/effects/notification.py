"""Notifications of a change: a generic one to both sides, and the status's own notice to the side that did not act."""

from __future__ import annotations

from notifications.inbox import NOTIFY, announce_notification
from orders.effects.given import Given
from side_effects.effects import Effect, WrittenEffect, is_pending

GENERIC_BIT, STATUS_BIT = 2, 3

GENERIC = f"""
generic_notices AS (
    {NOTIFY}
    SELECT c.id, c.order_id, 'generic', side.role, CASE side.role WHEN 'seller' THEN c.seller_id ELSE c.buyer_id END,
           'Order #' || c.number, CASE side.role WHEN 'seller' THEN c.seller_label ELSE c.buyer_label END
    FROM order_changes c CROSS JOIN (VALUES ('seller'), ('buyer')) AS side (role)
    WHERE {is_pending(GENERIC_BIT)}
    ON CONFLICT DO NOTHING RETURNING *)"""

STATUS = f"""
status_notices AS (
    {NOTIFY}
    SELECT c.id, c.order_id, 'status', side.role, CASE side.role WHEN 'seller' THEN c.seller_id ELSE c.buyer_id END,
           replace(side.notice, '{{number}}', c.number), coalesce(c.reason, '')
    FROM order_changes c
    CROSS JOIN LATERAL (VALUES ('seller', c.seller_notice), ('buyer', c.buyer_notice)) AS side (role, notice)
    WHERE {is_pending(STATUS_BIT)} AND side.role <> c.actor_role AND side.notice IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING *)"""
"""For the side that did not act; for both if neither did."""


def effects(_: Given) -> tuple[Effect, ...]:
    """The generic notification, and the status-specific one, which a new order has too."""
    return (
        WrittenEffect(
            "notification.generic",
            GENERIC_BIT,
            GENERIC,
            announce_notification("generic_notices"),
            missing="(SELECT count(*) FROM notifications n WHERE n.event_id = e.id AND n.kind = 'generic') < 2",
        ),
        WrittenEffect(
            "notification.status",
            STATUS_BIT,
            STATUS,
            announce_notification("status_notices"),
            missing="NOT EXISTS (SELECT FROM notifications n WHERE n.event_id = e.id AND n.kind = 'status')",
            on_creation=True,
        ),
    )
