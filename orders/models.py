"""Orders and their append-only history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Identity, Index, Integer, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base


class Order(Base):
    """An order as it stands. No index holds what a status change writes: only so do updates stay HOT."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("seller_id", "number"),
        Index("orders_seller_id_id_idx", "seller_id", "id"),
        Index("orders_buyer_id_id_idx", "buyer_id", "id"),
        Index("orders_seller_open_idx", "seller_id", "id", postgresql_where=text("open")),
        Index("orders_buyer_open_idx", "buyer_id", "id", postgresql_where=text("open")),
        {"postgresql_with": {"fillfactor": 90}},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str]
    status: Mapped[str]
    prev_status: Mapped[str | None]
    """Written by the UPDATE that moves the order, which so hands on the old status without a locking read."""

    version: Mapped[int] = mapped_column(Integer, server_default="1")
    open: Mapped[bool] = mapped_column(Boolean, server_default="true")
    """False once the status is final."""

    seller_id: Mapped[int]
    buyer_id: Mapped[int]
    buyer_name: Mapped[str]
    buyer_email: Mapped[str]
    items: Mapped[Any] = mapped_column(JSON)
    """Never changes and is always read whole, so it travels with the row."""

    total_minor: Mapped[int]
    currency: Mapped[str]
    tracking: Mapped[Any | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class OrderEvent(Base):
    """One row of an order's history; a trigger refuses UPDATE and DELETE."""

    __tablename__ = "order_events"
    __table_args__ = (
        UniqueConstraint("order_id", "version"),
        UniqueConstraint("idempotency_key", "actor_id", "actor_role"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    order_id: Mapped[int]
    """No foreign key: rows come only from the statement that has just written the order, and checking costs it 5 %."""

    version: Mapped[int] = mapped_column(Integer)
    type: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor_role: Mapped[str]
    actor_id: Mapped[int]
    seller_id: Mapped[int]
    buyer_id: Mapped[int]
    reason: Mapped[str | None]
    tracking: Mapped[Any | None] = mapped_column(JSON)
    """What came with this change, not what the order has."""

    promised: Mapped[int] = mapped_column(Integer, server_default="0")
    """The bits of the effects that this event promised; what is not owed any more of them has happened."""

    idempotency_key: Mapped[str]
    request_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
