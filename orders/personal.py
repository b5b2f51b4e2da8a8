"""What is kept about a buyer: all of it to be handed out, and what is theirs in it to be erased.

The history's rows stay, and so do the orders: what was moved, when and by which side is nobody's secret. What goes is
whatever tells who the buyer is, and whatever people wrote.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text

from access import idempotency, people, revocations
from chat import messages
from foundation.db import db
from foundation.errors import NotFound
from notifications import inbox
from orders import wire
from realtime import forgetting
from side_effects import operating

ERASED_NAME = "(erased)"

ORDERS = text("SELECT id FROM orders WHERE buyer_id = :buyer")
SELLERS = text("SELECT DISTINCT seller_id FROM orders WHERE buyer_id = :buyer")
ERASE_BUYER = text(f"UPDATE orders SET buyer_name = '{ERASED_NAME}', buyer_email = '' WHERE buyer_id = :buyer")
ERASE_REASONS = text(
    """DELETE FROM order_reasons WHERE event_id IN (
        SELECT e.id FROM order_events e WHERE e.order_id = ANY(:orders))"""
)
ERASE_ERRORS = text("UPDATE side_effects SET last_error = '' WHERE topic = 'order' AND ref = ANY(:orders)")

EXPORT_ORDERS = text(
    f"""SELECT row_to_json(o), (
        SELECT coalesce(json_agg(row_to_json(e) ORDER BY e.version), '[]') FROM {wire.EVENTS} e WHERE e.order_id = o.id)
    FROM orders o WHERE o.buyer_id = :buyer ORDER BY o.id"""
)


def erase(buyer_id: int, actor: str, reason: str) -> dict[str, int]:
    """Erase what tells who this buyer is, and what was written on their orders; returns how much of each.

    All of it happens or nothing. NotFound when nothing is kept about such a buyer.
    """
    orders = list(db.session.scalars(ORDERS, {"buyer": buyer_id}))
    accounts = people.erase("buyer", buyer_id)
    if not orders and not accounts:
        raise NotFound("Nothing is kept about such a buyer.")
    channels = [f"buyer:{buyer_id}", *(f"seller:{id}" for id in db.session.scalars(SELLERS, {"buyer": buyer_id}))]
    erased = {
        "accounts": accounts,
        "orders": _run(ERASE_BUYER, buyer=buyer_id),
        "reasons": _run(ERASE_REASONS, orders=orders),
        "messages": messages.erase(orders),
        "notifications": inbox.erase(buyer_id, orders),
        "live_events": forgetting.erase(channels, orders, ERASED_NAME),
    }
    _run(ERASE_ERRORS, orders=orders)
    idempotency.forget(f"buyer:{buyer_id}", buyer_id=[buyer_id], order_id=orders)
    operating.record(actor, "erase", f"buyer {buyer_id}", reason, len(orders))
    # Commits. Nobody who holds a proof of theirs goes on reading, and their streams begin anew.
    revocations.revoke(f"buyer:{buyer_id}", actor, "personal data erased")
    return erased


def export(buyer_id: int) -> dict[str, Any]:
    """All that is kept about this buyer; NotFound when that is nothing."""
    found = [{**order, "history": events} for order, events in db.session.execute(EXPORT_ORDERS, {"buyer": buyer_id})]
    accounts = people.export("buyer", buyer_id)
    if not found and not accounts:
        raise NotFound("Nothing is kept about such a buyer.")
    return {
        "buyer_id": buyer_id,
        "accounts": accounts,
        "orders": found,
        "messages": messages.export([order["id"] for order in found]),
        "notifications": inbox.export(buyer_id),
    }


def written(exported: dict[str, Any]) -> str:
    """An export as text; moments as ISO 8601."""
    return json.dumps(exported, ensure_ascii=False, indent=2, default=str)


def _run(statement: Any, **values: Any) -> int:
    count: int = db.session.execute(statement, values).rowcount  # type: ignore[attr-defined]
    return count
