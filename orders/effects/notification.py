"""Notifications of a change, to the side that did not act: a generic one, and the status's own notice."""

from __future__ import annotations

from notifications.inbox import NOTIFY, live_notification
from notifications.recipients import notifies
from orders import sentences
from orders.effects import due
from orders.effects.given import Given
from side_effects.effects import IF_NEW, AnnouncedEvent, Effect, WrittenEffect, is_pending

GENERIC_BIT, STATUS_BIT = 2, 3

SIDES = ("buyer", "seller")


def _title(notice: str, number: str) -> str:
    """SQL for the notice of a status, about the order with this number."""
    corrected = sentences.before(sentences.CORRECTION)
    return f"CASE type WHEN 'order.corrected' THEN {corrected} ELSE '' END || replace({notice}, '{{number}}', {number})"


def _order(number: str) -> str:
    """SQL for the title of a generic notification."""
    return f"{sentences.before(sentences.ORDER_TITLE)} || {number}"


def _generic_notices() -> str:
    return f"""
generic_notices AS (
    {NOTIFY}
    SELECT side.id, c.id, c.order_id, 'generic', side.role, side.person, {_order("c.number")}, side.label, c.done_at
    FROM order_changes c CROSS JOIN LATERAL (VALUES
        (c.generic_seller, 'seller', c.seller_id, c.seller_label),
        (c.generic_buyer, 'buyer', c.buyer_id, c.buyer_label)) AS side (id, role, person, label)
    WHERE side.id IS NOT NULL
    {IF_NEW})"""


def _status_notices() -> str:
    return f"""
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
            _generic_notices(),
            tuple(_generic(side) for side in SIDES),
            tuple(
                _id(f"generic_{side}", f"{is_pending(GENERIC_BIT)} AND {_concerns(side)}{notified[side]}")
                for side in SIDES
            ),
            missing=f"({' OR '.join(_lacks(side, 'generic') for side in SIDES)}) AND {all_notified}",
        ),
        WrittenEffect(
            "notification.status",
            STATUS_BIT,
            _status_notices(),
            tuple(_status(side) for side in SIDES),
            tuple(_id(f"status_{side}", _is_notified(side) + notified[side]) for side in SIDES),
            missing=f"({' OR '.join(_concerns(side, 'e.') for side in SIDES)}) AND {all_notified}"
            " AND NOT EXISTS (SELECT FROM notifications n WHERE n.event_id = e.id AND n.kind = 'status')",
            on_creation=True,
            on_resending=True,
        ),
    )


def _concerns(side: str, event: str = "") -> str:
    """Whether a change notifies this side at all; `event` qualifies its columns. A silent one leaves out the buyer."""
    silent = f" AND {event}notify" if side == "buyer" else ""
    return f"{notifies(side, f'{event}actor_role')}{silent}"


def _is_notified(side: str) -> str:
    """Whether it gets the status's notice, if it has one for it. What is sent again is for the buyer."""
    again = " AND changed IS NULL" if side == "seller" else ""
    return f"({is_pending(STATUS_BIT)} AND {_concerns(side)}{again} AND {side}_notice IS NOT NULL)"


def _lacks(side: str, kind: str) -> str:
    """Whether an event `e` has no such notification for this side, which it concerns."""
    return f"""({_concerns(side, "e.")} AND NOT EXISTS (SELECT FROM notifications n
            WHERE n.event_id = e.id AND n.kind = '{kind}' AND n.recipient_role = '{side}'))"""


def _id(name: str, condition: str) -> str:
    return f"CASE WHEN {condition} THEN nextval('notifications_id_seq') END AS {name}"


def _generic(side: str) -> AnnouncedEvent:
    return live_notification(
        side,
        f"generic_{side} IS NOT NULL",
        id=f"generic_{side}",
        kind="generic",
        title=_order("number"),
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
