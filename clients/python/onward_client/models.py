"""Requests and responses as frozen values. Members that a later version of the service adds are kept in `raw`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from onward_client.errors import OnwardError, error_of

JSON = Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """One line item of an order."""

    sku: str | None
    title: str
    quantity: float
    unit_price_minor: int
    kind: str = "item"


@dataclass(frozen=True)
class Order:
    """An order as the token's holder may see it."""

    id: int
    number: str
    status: str
    version: int
    seller_id: int
    buyer_id: int
    buyer_name: str
    items: tuple[Item, ...]
    total_minor: int
    currency: str
    tracking: JSON | None
    created_at: datetime
    updated_at: datetime
    allowed_transitions: tuple[str, ...]
    raw: JSON = field(repr=False, compare=False)

    @classmethod
    def of(cls, data: JSON) -> Self:
        known: dict[str, Any] = {one.name: data.get(one.name) for one in dataclasses.fields(cls)}
        items = tuple(
            Item(one.get("sku"), one["title"], one["quantity"], one["unit_price_minor"], one.get("kind", "item"))
            for one in data["items"]
        )
        moments = {name: datetime.fromisoformat(data[name]) for name in ("created_at", "updated_at")}
        return cls(
            **known | moments | {"items": items, "allowed_transitions": tuple(data["allowed_transitions"]), "raw": data}
        )


@dataclass(frozen=True)
class Named:
    """A person or an API key; without a name once the person's account was erased."""

    id: int
    name: str | None


@dataclass(frozen=True)
class Actor:
    """Who made the change: an account, and by whom or what, as far as the token's holder may see it."""

    role: str
    id: int
    person: Named | None = None
    api_key: Named | None = None

    @classmethod
    def of(cls, data: JSON) -> Self:
        by = {
            name: Named(data[name]["id"], data[name]["name"]) if name in data else None
            for name in ("person", "api_key")
        }
        return cls(data["role"], data["id"], **by)


@dataclass(frozen=True)
class HistoryEvent:
    """One row of an order's history."""

    id: int
    type: str
    version: int
    from_status: str | None
    to_status: str
    actor: Actor
    reason: str | None
    notify: bool
    """False if the buyer was not notified."""

    at: datetime
    raw: JSON = field(repr=False, compare=False)

    @classmethod
    def of(cls, data: JSON) -> Self:
        known: dict[str, Any] = {one.name: data.get(one.name) for one in dataclasses.fields(cls)}
        actor = Actor.of(data["actor"])
        return cls(**known | {"actor": actor, "at": datetime.fromisoformat(data["at"]), "raw": data})


@dataclass(frozen=True)
class Event:
    """An event, live or read later: `order.status_changed`, `message.created`, `resync` …"""

    id: str
    """The cursor to continue from."""

    type: str
    data: JSON

    @property
    def order(self) -> Order | None:
        """The order, if the event is about one: as of this event or a later one, so keep the higher `version`."""
        return Order.of(self.data["order"]) if "order" in self.data else None

    @property
    def change(self) -> HistoryEvent | None:
        """The event's row of the history: what was changed, by whom, to which version."""
        return HistoryEvent.of(self.data["event"]) if "event" in self.data else None


@dataclass(frozen=True)
class Change:
    """One of many changes."""

    order_id: int
    status: str
    reason: str | None = None
    tracking: JSON | None = None
    version: int | None = None
    idempotency_key: str | None = None
    notify: bool | None = None
    hold_seconds: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Result:
    """The result of one of many changes: the order, or the error that a single change would have raised."""

    order_id: int
    order: Order | None
    error: OnwardError | None

    @classmethod
    def of(cls, data: JSON) -> Self:
        order = Order.of(data["order"]) if data.get("order") else None
        return cls(data["order_id"], order, None if order else error_of(data["status"], data["problem"]))
