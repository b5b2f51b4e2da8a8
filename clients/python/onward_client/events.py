"""Events, changes, and the result of each of many changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onward_client.errors import OnwardError
from onward_client.exchange import error_of
from onward_client.generated.bodies import OrderStatusChange
from onward_client.generated.models import Order, OrderChange, OrderStatusChangeResult
from onward_client.values import Http, decoded


@dataclass(frozen=True)
class Event:
    """An event, live, read later or from a webhook: `order.status_changed`, `message.created`, `resync` …"""

    id: str
    """The cursor to continue from; in a webhook, the id by which it is known when it comes again."""

    type: str
    data: Mapping[str, Any]

    @property
    def order(self) -> Order | None:
        """The order, if the event is about one: as of this event or a later one, so keep the higher `version`.

        None in a thin webhook, which has `order_id` only.
        """
        order = self.data.get("order", {})
        return decoded(Order, order) if "version" in order else None

    @property
    def order_id(self) -> int | None:
        """The id of the order, if the event is about one."""
        id = self.data.get("order", {}).get("id", self.data.get("order_id"))
        return id if isinstance(id, int) else None

    @property
    def change(self) -> OrderChange | None:
        """The event's row of the history: what was changed, by whom, to which version."""
        change = self.data.get("event", {})
        return decoded(OrderChange, change) if "version" in change else None


@dataclass(frozen=True)
class Change:
    """One of many changes."""

    order_id: int
    status: str
    reason: str | None = None
    tracking: Mapping[str, Any] | None = None
    version: int | None = None
    idempotency_key: str | None = None
    notify: bool | None = None
    hold_seconds: int | None = None

    def to_json(self) -> OrderStatusChange:
        return {name: value for name, value in vars(self).items() if value is not None}  # type: ignore[return-value]


@dataclass(frozen=True)
class Result:
    """The result of one of many changes: the order, or the error that a single change would have raised."""

    order_id: int
    order: Order | None
    error: OnwardError | None

    @classmethod
    def of(cls, one: OrderStatusChangeResult) -> Result:
        refused = error_of(Http(one.status), one.problem.raw) if one.problem else None
        return cls(one.order_id, one.order, refused)
