"""A buyer's orders: what is open first, then all others by the month in which they were placed, back to the oldest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

import orjson

from access.principal import Principal
from dashboard.context import PageContext
from dashboard.loaders import Row
from foundation import formats
from orders import listing

MOST_OPEN = 50
PAGE_ORDERS = 50


@dataclass(frozen=True)
class Month:
    """The orders that were placed in a month, the newest first."""

    title: str
    orders: list[Row]


@dataclass(frozen=True)
class BuyerList:
    """A page of the list."""

    open: list[Row]
    months: list[Month]
    older: str | None
    """The cursor of the next page; None on the last."""


def buyer_list(context: PageContext, principal: Principal, terms: str | None, cursor: str) -> BuyerList:
    """The open orders and the newest others; with a cursor, the page of all orders from there on: of more open orders
    than are shown first, none is left out. Raises InvalidRequest for a cursor that is none."""
    wanted = listing.Wanted(terms=terms, cursor=cursor, limit=PAGE_ORDERS)
    texts, older = listing.page(context.workflow, principal, wanted)
    orders = [orjson.loads(text) for text in texts]
    if cursor:
        return BuyerList([], months_of(orders), older)
    first = listing.Wanted(statuses=tuple(context.view(principal.role).open), terms=terms, limit=MOST_OPEN)
    open_orders = [orjson.loads(text) for text in listing.page(context.workflow, principal, first)[0]]
    shown = {order["id"] for order in open_orders}
    return BuyerList(open_orders, months_of(order for order in orders if order["id"] not in shown), older)


def months_of(orders: Iterable[Row]) -> list[Month]:
    """These orders, the newest first, by month in the reader's time zone."""
    grouped = groupby(orders, key=_month)
    return [Month(formats.month(month), list(found)) for month, found in grouped]


def _month(order: Row) -> date:
    name = formats.zone()
    placed = datetime.fromisoformat(order["created_at"]).astimezone(ZoneInfo(name) if name else UTC)
    return placed.date().replace(day=1)
