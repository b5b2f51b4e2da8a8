"""Seeds an empty database with a believable morning of orders."""

from __future__ import annotations

import random
from contextlib import suppress

import orjson

from access.principal import Principal
from dashboard import demo_market as market
from dashboard.people import CAST, DemoPerson
from foundation import sql
from foundation.contract import LARGEST_ID
from foundation.db import db
from foundation.errors import AppError
from notifications import inbox
from orders.schemas import ChangeOrderStatusRequest, CreateOrderRequest
from orders.status_change import StatusChange
from outbox.modes import ALL, SEQUENTIAL
from process import Onward

SQL = sql.beside(__file__)
ANY_ORDER = SQL.text("any_order")

SEED = 1042
"""The same orders every time, so that pictures are reproducible."""

MOST_ENTRIES = 200
"""More than anybody has after that morning."""

STEPS = (0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 0, 1, 3, 4, 5, 2)
"""How far along the usual path each order is."""


def seed(onward: Onward) -> int:
    """Place the demo's orders unless there are some already; returns how many were placed."""
    if db.session.execute(ANY_ORDER).scalar_one():
        return 0
    # This process exits at once, so the effects have to happen before.
    onward.engine.modes.learn({ALL: SEQUENTIAL})
    rng = random.Random(SEED)
    for number, steps in enumerate(STEPS):
        buyer = market.BUYERS[number % len(market.BUYERS)]
        order = CreateOrderRequest.model_validate(market.new_order(rng, buyer) | {"number": str(1042 + number)})
        placed = onward.orders.creation.create(market.SHOP, order, f"demo-{number}")
        with suppress(AppError):  # a custom workflow table may have other transitions
            for status in market.LIFE[:steps]:
                _move(onward, placed.order_id, buyer, status)
    onward.engine.finish()
    for person in CAST:
        _leave_one_of_each_kind(inbox.Marks(onward.realtime.append), person.principal)
    return len(STEPS)


def _leave_one_of_each_kind(marks: inbox.Marks, principal: Principal) -> None:
    """A morning's notifications are no news to somebody who has just come: one of each kind is unread, to be seen."""
    entries, _ = inbox.page(principal, LARGEST_ID, MOST_ENTRIES, grouped=True)
    seen: set[str] = set()
    for entry in orjson.loads(entries):
        if entry["kind"] in seen:
            marks.some(principal, [entry["id"]])
        seen.add(entry["kind"])


def _move(onward: Onward, order_id: int, buyer: DemoPerson, status: str) -> None:
    actor = buyer.principal if status == "COMPLETED" else market.SELLER.principal
    body: dict[str, object] = {"status": status}
    if status == "SHIPPED":
        body["tracking"] = market.tracking(order_id)
    onward.orders.changes.change(StatusChange(order_id, actor, ChangeOrderStatusRequest.model_validate(body)))
