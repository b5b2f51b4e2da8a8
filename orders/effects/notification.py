"""Notifications of a change: a generic one to both sides, and the status's own notice to the side that did not act."""

from __future__ import annotations

from notifications.inbox import NOTIFY, live_notification
from orders.effects import due
from orders.effects.given import Given
from side_effects.effects import IF_NEW, AnnouncedEvent, Effect, WrittenEffect, is_pending

GENERIC_BIT, STATUS_BIT = 2, 3
CORRECTION = "Correction: "
"""Before the notice of a status to which an order was corrected."""

SIDES = ("buyer", "seller")


def _title(notice: str, number: str) -> str:
    """SQL for the notice of a status, about the order with this number."""
    return (
        f"CASE type WHEN 'order.corrected' THEN '{CORRECTION}' ELSE '' END || replace({notice}, '{{number}}', {number})"
    )


GENERIC = f"""
generic_notices AS (
    {NOTIFY}
    SELECT side.id, c.id, c.order_id, 'generic', side.role, side.person, 'Order #' || c.number, side.label, c.done_at
    FROM order_changes c CROSS JOIN LATERAL (VALUES
        (c.generic_seller, 'seller', c.seller_id, c.seller_label),
        (c.generic_buyer, 'buyer', c.buyer_id, c.buyer_label)) AS side (id, role, person, label)
    WHERE side.id IS NOT NULL
    {IF_NEW})"""

STATUS = f"""
status_notices AS (
    {NOTIFY}
    SELECT side.id, c.id, c.order_id, 'status', side.role, side.person, {_title("side.notice", "c.number")},
           coalesce(c.reason, ''), c.done_at
    FROM order_changes c CROSS JOIN LATERAL (VALUES
        (c.status_seller, 'seller', c.seller_id, c.seller_notice),
        (c.status_buyer, 'buyer', c.buyer_id, c.buyer_notice)) AS side (id, role, person, notice)
    WHERE side.id IS NOT NULL
    {IF_NEW})"""


def effects(given: Given) -> tuple[Effect, ...]:
    """The generic notification, and the status-specific one, which a new order has too."""
    notified = {side: due.in_inbox(given.workflow.notices, side) for side in SIDES}
    all_notified = due.both_sides_are_notified(given.workflow.notices)
    return (
        WrittenEffect(
            "notification.generic",
            GENERIC_BIT,
            GENERIC,
            tuple(_generic(side) for side in SIDES),
            tuple(
                _id(f"generic_{side}", f"{is_pending(GENERIC_BIT)}{_unless_silent(side)}{notified[side]}")
                for side in SIDES
            ),
            missing="(SELECT count(*) FROM notifications n WHERE n.event_id = e.id AND n.kind = 'generic')"
            f" < 1 + e.notify::int AND {all_notified}",
        ),
        WrittenEffect(
            "notification.status",
            STATUS_BIT,
            STATUS,
            tuple(_status(side) for side in SIDES),
            tuple(_id(f"status_{side}", _is_notified(side) + notified[side]) for side in SIDES),
            missing="(e.notify OR e.actor_role <> 'seller')"
            f" AND {all_notified}"
            " AND NOT EXISTS (SELECT FROM notifications n WHERE n.event_id = e.id AND n.kind = 'status')",
            on_creation=True,
            on_resending=True,
        ),
    )


def _is_notified(side: str) -> str:
    """The side that did not act; both, if neither did. What is sent again is for the buyer."""
    again = " AND changed IS NULL" if side == "seller" else ""
    return (
        f"({is_pending(STATUS_BIT)} AND actor_role <> '{side}'{again} AND {side}_notice IS NOT NULL"
        f"{_unless_silent(side)})"
    )


def _unless_silent(side: str) -> str:
    """SQL that leaves the buyer out of a silent change."""
    return " AND notify" if side == "buyer" else ""


def _id(name: str, condition: str) -> str:
    return f"CASE WHEN {condition} THEN nextval('notifications_id_seq') END AS {name}"


def _generic(side: str) -> AnnouncedEvent:
    return live_notification(
        side,
        f"generic_{side} IS NOT NULL",
        id=f"generic_{side}",
        kind="generic",
        title="'Order #' || number",
        body=f"{side}_label",
        inserted="generic_notices",
    )


def _status(side: str) -> AnnouncedEvent:
    return live_notification(
        side,
        f"status_{side} IS NOT NULL",
        id=f"status_{side}",
        kind="status",
        title=_title(f"{side}_notice", "number"),
        body="coalesce(reason, '')",
        inserted="status_notices",
    )
