"""The event emitter: code of the marketplace's own is called when an order has changed.

Connect a module-level function (receivers defined inside functions are dropped by blinker):

    from orders.signals import order_status_changed

    @order_status_changed.connect
    def notify_the_warehouse(event, **_):
        warehouse.move(event.order_id, event.to_status)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from blinker import Namespace

from side_effects.retry import DestinationRefused, Undeliverable

__all__ = ["DestinationRefused", "OrderEvent", "Undeliverable", "order_status_changed"]

order_status_changed = Namespace().signal("order-status-changed")
"""Sent after the commit, from a background greenlet, at least once per row of an order's history.

Sender: the OrderEvent. The first one of an order has the type `order.created` and no `from_status`; one that reverts
an earlier one has the type `order.corrected`.
In one process an order's events come in the order of their versions; from two processes they may overtake each other,
so a receiver that cares compares `event.version`. One that raises is retried alone, with backoff; the others are not
called again, unless it raises Undeliverable (never) or DestinationRefused (when its circuit lets it be probed).
"""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """A row of an order's history, as receivers get it."""

    id: int
    order_id: int
    version: int
    type: str
    from_status: str | None
    to_status: str
    actor_role: str
    actor_id: int
    seller_id: int
    buyer_id: int
    reason: str | None
    at: datetime
    actor_via: str | None = None
    """By whom or what the account acted: `person:12`, `key:5`, `link`, `demo`; None for a plain token."""
    notify: bool = True
    """False if the change asked not to notify the buyer: a receiver does not either."""

    COLUMNS: ClassVar[str] = (
        "id, order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id, buyer_id, reason, at, "
        "actor_via"
    )
    """What an event is made of, in the order of its members: `OrderEvent(*row)`. `notify` may follow."""

    WRITTEN: ClassVar[str] = COLUMNS.replace("reason", "NULL::text AS reason")
    """The same of a row that is being written: its reason stands elsewhere."""
