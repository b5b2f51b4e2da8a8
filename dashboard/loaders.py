"""Reads the data of the pages from the packages that own it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson

from access.principal import Principal
from chat import marks, messages
from dashboard.context import PageContext
from foundation.contract import LARGEST_ID
from notifications import inbox
from orders import queries

COLUMN_LIMIT = 50
"""Maximum number of cards in a column; the others are only counted."""

CLOSED_LIMIT = 8
INBOX_LIMIT = 50

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """The orders in one status, longest waiting first."""

    status: str
    count: int
    orders: list[Row]

    @property
    def hidden(self) -> int:
        """Number of newer orders without a card."""
        return self.count - len(self.orders)


@dataclass(frozen=True)
class Board:
    """A seller's or an operator's orders by status, and those that were closed last."""

    columns: list[Column]
    closed: list[Row]

    def column(self, status: str) -> Column:
        """The orders in this status."""
        return next((one for one in self.columns if one.status == status), Column(status, 0, []))

    @property
    def open_count(self) -> int:
        return sum(column.count for column in self.columns)

    @property
    def order_ids(self) -> set[int]:
        return {
            order["id"] for orders in (*(column.orders for column in self.columns), self.closed) for order in orders
        }


def board(context: PageContext, principal: Principal) -> Board:
    view = context.view(principal.role)
    open_orders, closed = queries.board(context.workflow, principal, COLUMN_LIMIT, CLOSED_LIMIT)
    columns = [_column(status, open_orders.get(status, queries.OpenOrders(0))) for status in view.open]
    # The table may have been replaced: there is no label for an order that was closed under another one.
    return Board(columns, [order for order in map(orjson.loads, closed) if order["status"] in view.labels])


def order(context: PageContext, principal: Principal, order_id: int, before: int = LARGEST_ID) -> Row:
    """One order with the newest of its history and of its messages, those below `before`; raises NotFound."""
    found: Row = orjson.loads(queries.order(context.workflow, principal, order_id)[0])
    texts, earlier = messages.conversation(principal, order_id, before)
    reading = marks.reading(principal, order_id)
    # Versions are 1, 2, 3 ...: these are the newest.
    events, _ = queries.history(principal, order_id, after=max(0, found["version"] - queries.PAGE))
    return {
        "order": found,
        "events": [orjson.loads(event.text) for event in events],
        "messages": orjson.loads(texts),
        "earlier": earlier,
        "later": before != LARGEST_ID,
        "unread_messages": reading.unread,
        "seen_marks": orjson.loads(reading.marks),
    }


def notifications(principal: Principal, before: int) -> tuple[list[Row], int | None]:
    """The newest entries of the inbox below `before`, and where the next page begins."""
    rows, cursor = inbox.page(principal, before, INBOX_LIMIT, grouped=True)
    return orjson.loads(rows), cursor


def _column(status: str, open_orders: queries.OpenOrders) -> Column:
    # Sorted as the page's script sorts them: by the time they entered this status.
    orders = sorted(map(orjson.loads, open_orders.orders), key=itemgetter("updated_at", "id"))
    return Column(status, open_orders.count, orders)
