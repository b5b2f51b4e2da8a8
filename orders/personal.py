"""A buyer's personal data: exporting all of it, and erasing what identifies the buyer.

The history's rows and the orders stay: what was changed, when and by which side is not personal. Whatever identifies
the buyer, and whatever people wrote, is erased.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from access import api_keys, idempotency, people, revocations, tracking_links
from chat import messages
from foundation import sql
from foundation.db import all_rows, db, in_pieces
from foundation.errors import NotFound
from notifications import alerts, digests, inbox, preferences
from operations import actions
from orders import json_sql, saved_views
from orders.bulk_changes import ERASE_JOBS
from realtime import erasure
from realtime.readers import erase_readers
from webhooks import attempt_log

ERASED_NAME = "(erased)"

ORDERS_AT_ONCE = 100
"""Rows that are locked together, for some milliseconds."""

SQL = sql.beside(__file__, erased_name=ERASED_NAME, events=json_sql.EVENTS)
ORDERS = SQL.text("orders")
BUYER_NAMES = SQL.text("names")
SELLERS = SQL.text("sellers")
ADDRESSES = SQL.text("addresses")
ERASE_BUYER = SQL.text("erase_buyer")
ERASE_REASONS = SQL.text("erase_reasons")
ERASE_EDITS = SQL.text("erase_edits")
ERASE_IMPORTS = SQL.text("erase_imports")
ERASE_ERRORS = SQL.text("erase_errors")
EXPORT_ORDERS = SQL.text("export_orders")


def erase(buyer_id: int, actor: str, reason: str) -> dict[str, int]:
    """Erase what identifies this buyer, and the texts on their orders; returns how much of each.

    Raises NotFound if no data is stored about such a buyer.
    """
    return end(buyer_id, actor, reason, take_out(buyer_id))


def take_out(buyer_id: int) -> dict[str, int]:
    """Erase everything but the accounts, in chunks that each commit; returns how much of each.

    However much there is, no lock is held for longer than a chunk takes. If the process dies meanwhile, what was erased
    stays erased, and repeating the request does the rest.
    """
    orders = [row[0] for row in all_rows(ORDERS, buyer=buyer_id)]
    accounts = people.export("buyer", buyer_id)
    if not orders and not accounts:
        raise NotFound("No data is stored about this buyer.")
    batches = [orders[start : start + ORDERS_AT_ONCE] for start in range(0, len(orders), ORDERS_AT_ONCE)]
    erased: Counter[str] = Counter(accounts=0, orders=0, reasons=0, messages=0, notifications=0, live_events=0)
    _erase_quoted([one["email"] for one in accounts])
    # While it is still known what the buyer is called.
    saved_views.erase_views(buyer_id, set(db.session.scalars(BUYER_NAMES, {"buyer": buyer_id})) - {ERASED_NAME, ""})
    for batch in batches:
        _erase_quoted(db.session.scalars(ADDRESSES, {"orders": batch}).all())
        erased["orders"] += in_pieces(ERASE_BUYER, orders=batch)
        erased["reasons"] += in_pieces(ERASE_REASONS, orders=batch)
        for one in (ERASE_EDITS, ERASE_IMPORTS, ERASE_JOBS):
            in_pieces(one, orders=batch)
        digests.erase_entries(batch)
    erasure.wait_for_appends()  # so that nothing read before is written afterwards
    for batch in batches:
        erased["messages"] += messages.erase(batch)
        erased["notifications"] += inbox.erase(batch)
        erased["live_events"] += erasure.erase(batch, ERASED_NAME)
        erased["live_events"] += erasure.erase_packs_of(messages.notes_of(batch), ERASED_NAME)
        in_pieces(ERASE_ERRORS, orders=batch)
        revocations.erase_reasons([tracking_links.subject(order) for order in batch])
        idempotency.forget_orders(batch)
        attempt_log.erase(batch)
    erased["live_events"] += erasure.erase_packs(f"buyer:{buyer_id}", ERASED_NAME)
    erased["notifications"] += inbox.empty(buyer_id)
    _take_out_habits(buyer_id, orders)
    revocations.erase_reasons([f"buyer:{buyer_id}"])
    idempotency.forget(f"buyer:{buyer_id}")
    erased["live_events"] += _take_out_of_what_names_no_order(buyer_id, orders)
    return dict(erased)


def _take_out_habits(buyer_id: int, orders: Sequence[int]) -> None:
    """What the buyer has chosen, and when their streams were open."""
    preferences.erase_preferences(buyer_id)
    erase_readers(buyer_id, orders)


def _erase_quoted(addresses: Sequence[str]) -> None:
    actions.erase_quoted(addresses)
    alerts.erase_quoted(addresses)


def end(buyer_id: int, actor: str, reason: str, erased: dict[str, int]) -> dict[str, int]:
    """Delete the accounts and record that this buyer was erased; returns how much of each there was."""
    erased["accounts"] = people.erase("buyer", buyer_id)
    api_keys.erase_names("buyer", buyer_id)
    actions.record(actor, "erase", f"buyer {buyer_id}", reason, erased["orders"])
    # Commits. Holders of the buyer's credentials can no longer read, and their streams restart.
    revocations.revoke(f"buyer:{buyer_id}", actor, "personal data erased")
    return erased


def export(buyer_id: int) -> dict[str, Any]:
    """All data stored about this buyer; raises NotFound if there is none."""
    found = [{**order, "history": events} for _, order, events in all_rows(EXPORT_ORDERS, buyer=buyer_id)]
    accounts = people.export("buyer", buyer_id)
    if not found and not accounts:
        raise NotFound("No data is stored about this buyer.")
    return {
        "buyer_id": buyer_id,
        "accounts": accounts,
        "orders": found,
        "messages": list(messages.export([order["id"] for order in found])),
        "notifications": list(inbox.export(buyer_id)),
        "preferences": preferences.export_preferences(buyer_id),
    }


def written(exported: dict[str, Any]) -> str:
    """An export as text; times as in RFC 3339."""
    return json.dumps(exported, ensure_ascii=False, indent=2, default=datetime.isoformat)


def _take_out_of_what_names_no_order(buyer_id: int, orders: list[int]) -> int:
    """What an earlier version wrote within the last day; nothing after that."""
    sellers = db.session.scalars(SELLERS, {"buyer": buyer_id}).all()
    idempotency.forget_without_orders(orders)
    channels = [f"buyer:{buyer_id}", *(f"seller:{id}" for id in sellers)]
    return erasure.erase_without_order(channels, orders, ERASED_NAME)
