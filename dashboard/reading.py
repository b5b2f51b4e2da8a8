"""Read what the pages show, through the rooms that know it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson

from access.principal import Principal
from chat import messages
from dashboard.rooms import Rooms
from foundation.contract import LARGEST_ID
from notifications import inbox
from orders import queries

COLUMN_LIMIT = 50
"""Cards that a column shows at most; more is a list for searching, not a board."""

CLOSED_LIMIT = 8
LIST_LIMIT = 50
INBOX_LIMIT = 50

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """The orders that stand in one status, longest waiting first."""

    status: str
    orders: list[Row]
    more: bool
    """Whether there are older ones that are not shown."""

    @property
    def count(self) -> int:
        return len(self.orders)


@dataclass(frozen=True)
class Board:
    """A seller's or an operator's orders by status, and those that were closed last."""

    columns: list[Column]
    closed: list[Row]

    @property
    def order_ids(self) -> set[int]:
        return {
            order["id"] for orders in (*(column.orders for column in self.columns), self.closed) for order in orders
        }


def board(rooms: Rooms, principal: Principal) -> Board:
    face = rooms.face(principal.role)
    closed = [order for status in face.closed for order in _page(rooms, principal, status, CLOSED_LIMIT)[0]]
    newest = sorted(closed, key=itemgetter("updated_at"), reverse=True)[:CLOSED_LIMIT]
    return Board([_column(rooms, principal, status) for status in face.open], newest)


def orders(rooms: Rooms, principal: Principal) -> tuple[list[Row], bool]:
    """The newest orders, what changed last on top, and whether there are older ones."""
    found, more = _page(rooms, principal, None, LIST_LIMIT)
    return sorted(found, key=itemgetter("updated_at"), reverse=True), more


def order(rooms: Rooms, principal: Principal, order_id: int) -> Row:
    """One order with its history and its conversation; NotFound when it is not this principal's."""
    found: Row = orjson.loads(queries.order(rooms.workflow, principal, order_id)[0])
    return {
        "order": found,
        "events": [orjson.loads(event) for _, _, event in queries.history(principal, order_id)],
        "messages": orjson.loads(messages.conversation(principal, order_id)),
    }


def notifications(principal: Principal) -> list[Row]:
    rows: list[Row] = orjson.loads(inbox.page(principal, LARGEST_ID, INBOX_LIMIT)[0])
    return rows


def _column(rooms: Rooms, principal: Principal, status: str) -> Column:
    found, more = _page(rooms, principal, status, COLUMN_LIMIT)
    return Column(status, sorted(found, key=itemgetter("updated_at", "id")), more)


def _page(rooms: Rooms, principal: Principal, status: str | None, limit: int) -> tuple[list[Row], bool]:
    texts, cursor = queries.page(rooms.workflow, principal, status, limit=limit)
    return [orjson.loads(text) for text in texts], cursor is not None
