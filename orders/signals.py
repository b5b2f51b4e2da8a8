"""The event emitter: code of the marketplace's own is called when an order has changed.

Connect a module-level function (receivers defined inside functions are dropped by blinker):

    from orders.signals import order_status_changed

    @order_status_changed.connect
    def tell_the_warehouse(event, **_):
        warehouse.move(event.order_id, event.to_status)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import structlog
from blinker import Namespace

from foundation.connections import Row

log = structlog.get_logger(__name__)

order_status_changed = Namespace().signal("order-status-changed")
"""Sent after the commit, from a background greenlet, at least once per row of an order's history.

Sender: the OrderEvent. The first one of an order has the type `order.created` and no `from_status`.
A receiver that raises is logged and hurts no other.
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

    COLUMNS: ClassVar[str] = (
        "id, order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id, buyer_id, reason, at"
    )

    @classmethod
    def of(cls, row: Row) -> OrderEvent:
        """The event of a row that holds COLUMNS."""
        return cls(*row)


def emit(event: OrderEvent) -> None:
    """Call the receivers one by one. `Signal.send` would stop at the first that raises."""
    for receiver in order_status_changed.receivers_for(event):
        try:
            receiver(event)
        except Exception:
            name = getattr(receiver, "__qualname__", repr(receiver))
            log.exception(
                "A receiver of order_status_changed failed", category="signal", receiver=name, event_id=event.id
            )
