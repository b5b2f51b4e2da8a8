"""What is to be seen of an order at a glance: an unread message, and an e-mail that could not be delivered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from access import sellers
from access.principal import Principal
from chat import marks
from foundation.languages import gettext
from orders.undelivered import undelivered


@dataclass(frozen=True)
class Flags:
    """Of one order, for one reader."""

    unread: bool
    failed: bool

    def __str__(self) -> str:
        return f"{'unread' if self.unread else ''} {'failed' if self.failed else ''}".strip()


@dataclass(frozen=True)
class FlagsOfMany:
    """Of the orders that a page shows."""

    unread: Collection[int] = ()
    failed: Collection[int] = ()

    def of(self, order_id: int) -> Flags:
        return Flags(order_id in self.unread, order_id in self.failed)


def flags_of(principal: Principal, orders: Collection[Mapping[str, Any]]) -> FlagsOfMany:
    """Look these orders up; nothing else is read."""
    ids = sorted({order["id"] for order in orders})
    return FlagsOfMany(marks.unread_orders(principal, ids), undelivered(ids)) if ids else FlagsOfMany()


def shops_of(principal: Principal, orders: Collection[Mapping[str, Any]]) -> dict[int, str]:
    """The names of the shops of these orders, by their ids, for who sees those of several."""
    if principal.role in ("seller", "buyer"):
        return {}
    ids = {order["seller_id"] for order in orders}
    names = sellers.names_of(ids)
    return {id: names.get(id) or gettext("Shop %(id)s", id=id) for id in ids}
