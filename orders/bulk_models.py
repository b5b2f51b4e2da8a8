"""Bulk changes and what has become of each of their orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Identity, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base


class BulkChangeRow(Base):
    """A job that changes the status of many orders."""

    __tablename__ = "bulk_changes"
    __table_args__ = (
        Index("bulk_changes_owner_idx", "owner", unique=True, postgresql_where=text("finished_at IS NULL")),
        Index("bulk_changes_finished_at_idx", "finished_at"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    owner: Mapped[str]
    """As of a saved view. One of each is in progress at most."""

    actor_role: Mapped[str]
    actor_id: Mapped[int]
    actor_via: Mapped[str | None]
    """In whose name the orders are changed."""

    filters: Mapped[Any | None] = mapped_column(JSON)
    """What was asked for; NULL if the orders were named, or once the buyer of one of them is erased."""

    to_status: Mapped[str]
    reason: Mapped[str | None]
    notify: Mapped[bool] = mapped_column(Boolean, server_default="true")
    total: Mapped[int] = mapped_column(Integer)
    changed: Mapped[int] = mapped_column(Integer, server_default="0")
    skipped: Mapped[int] = mapped_column(Integer, server_default="0")
    request_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    stop_at: Mapped[datetime | None]
    """When it was asked to stop."""

    finished_at: Mapped[datetime | None]


class BulkChangeOrder(Base):
    """An order of a bulk change, and what has become of it there."""

    __tablename__ = "bulk_change_orders"
    __table_args__ = (
        Index("bulk_change_orders_waiting_idx", "bulk_change_id", "order_id", postgresql_where=text("result IS NULL")),
        Index("bulk_change_orders_order_id_idx", "order_id"),
    )

    bulk_change_id: Mapped[int] = mapped_column(ForeignKey(BulkChangeRow.id, ondelete="CASCADE"), primary_key=True)
    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    result: Mapped[str | None]
    """`changed` or `skipped`; NULL while it waits."""

    code: Mapped[str | None]
    """Of the problem for which it was skipped, with its `detail`."""

    detail: Mapped[str | None]
    order_status: Mapped[str | None]
    """The status that the order had then."""
