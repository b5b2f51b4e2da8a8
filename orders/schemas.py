"""What clients send and get, as pydantic models: the source of the OpenAPI document."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import pydantic
from pydantic import Field, StringConstraints

from foundation.contract import LARGEST_ID, Body, Id, Query

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Money = Annotated[int, Field(ge=0, le=10**15, description="In minor units: cents.")]


class Item(Body):
    """One position of an order."""

    sku: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    title: Line
    quantity: Annotated[int, Field(ge=1, le=10**6)]
    unit_price_minor: Annotated[int, Field(ge=0, le=10**9)]


class NewOrder(Body):
    """An order as the marketplace places it."""

    seller_id: Id
    buyer_id: Id
    number: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    buyer_name: Line
    buyer_email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    items: Annotated[list[Item], Field(min_length=1, max_length=200)]

    @property
    def total_minor(self) -> int:
        return sum(item.quantity * item.unit_price_minor for item in self.items)


class Tracking(Body):
    """Where the parcel is; may come with SHIPPED."""

    carrier: Line
    number: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2000)] | None = None
    expected_on: date | None = None


class NewStatus(Body):
    """Where the order is to go."""

    status: Annotated[str, StringConstraints(max_length=50)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] | None = None
    tracking: Tracking | None = None


class OrdersQuery(Query):
    """Newest first; `cursor` is the `next_cursor` of the page before."""

    status: Annotated[str, StringConstraints(max_length=50)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Id = LARGEST_ID


class Actor(pydantic.BaseModel):
    role: Literal["seller", "buyer", "operator", "service", "system"]
    id: int


class OrderOut(pydantic.BaseModel):
    """An order as its reader may see it."""

    id: Id
    number: str
    status: str
    version: int
    seller_id: Id
    buyer_id: Id
    buyer_name: str
    items: list[Item]
    total_minor: Money
    currency: str
    tracking: Tracking | None
    created_at: datetime
    updated_at: datetime
    allowed_transitions: list[str]


class OrdersOut(pydantic.BaseModel):
    orders: list[OrderOut]
    next_cursor: int | None


class EffectOut(pydantic.BaseModel):
    """A promised effect and where it stands."""

    effect: str
    status: Literal["pending", "running", "succeeded", "dead", "discarded"]
    destination: str | None = None
    attempts: int | None = None
    error: str | None = None


class EventOut(pydantic.BaseModel):
    """One row of an order's history."""

    id: Id
    type: str
    version: int
    from_status: str | None
    to_status: str
    actor: Actor
    reason: str | None
    at: datetime
    effects: list[EffectOut]


class HistoryOut(pydantic.BaseModel):
    events: list[EventOut]
