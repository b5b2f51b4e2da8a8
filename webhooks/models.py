"""The tables of webhooks: endpoints, each attempt at a delivery, and how many there were by the hour."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Float, Identity, Index, Integer, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from foundation.db import Base

MARKETPLACE = 0
"""The `seller_id` of the marketplace's endpoints, which get the events of every seller's orders; no seller has it."""


class WebhookEndpointRow(Base):
    """An endpoint; its deliveries are rows in `side_effects` with the destination `webhook:<id>`."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        Index("webhook_endpoints_seller_id_idx", "seller_id"),
        Index("webhook_endpoints_failing_idx", "id", postgresql_where=text("failing_since IS NOT NULL")),
        {"postgresql_with": {"fillfactor": 80}},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    seller_id: Mapped[int]
    url: Mapped[str]
    event_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Types, or all of one kind: `order.created`, `order.*`, `*`."""

    statuses: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """Only events of orders with one of these statuses; NULL for any."""

    thin: Mapped[bool] = mapped_column(Boolean)
    headers: Mapped[str]
    """Further headers of its deliveries, as JSON, encrypted: they may contain a password."""

    rate_per_second: Mapped[float | None] = mapped_column(Float)
    secret: Mapped[str]
    """Encrypted, as is the one before."""

    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    disabled: Mapped[bool] = mapped_column(Boolean)
    disabled_reason: Mapped[str] = mapped_column(server_default="")
    disabled_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    """When the first of its failures was, if nothing has succeeded since."""

    notified: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """Of how many per cent of the way to being disabled its owner was notified."""

    paced_until: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    """Until when what was sent takes, at `rate_per_second`."""

    waits_until: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    """Nothing is sent before: its last answer asked for a pause (`Retry-After`)."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class WebhookAttemptRow(Base):
    """One attempt at a delivery, with the beginning of what was answered."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        Index("webhook_attempts_endpoint_id_id_idx", "endpoint_id", "id"),
        Index("webhook_attempts_failed_idx", "endpoint_id", "id", postgresql_where=text("NOT succeeded")),
        Index("webhook_attempts_at_idx", "at", postgresql_using="brin"),
        Index("webhook_attempts_order_id_idx", "order_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    endpoint_id: Mapped[int]
    event_type: Mapped[str]
    """The event type of the outbox: `order`, `message`; empty for a test event."""

    event_id: Mapped[int]
    order_id: Mapped[int]
    type: Mapped[str]
    """As it was sent: `order.status_changed`."""

    attempt: Mapped[int] = mapped_column(Integer)
    succeeded: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    """The status of the answer; NULL if there was none."""

    error: Mapped[str]
    headers: Mapped[Any] = mapped_column(JSON)
    body: Mapped[str]
    """The first 8 KB."""

    seconds: Mapped[float] = mapped_column(Float)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class WebhookHourRow(Base):
    """How many attempts an endpoint had in an hour: counting the log would read all of it."""

    __tablename__ = "webhook_hours"

    endpoint_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    succeeded: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    seconds: Mapped[float] = mapped_column(Float, server_default="0")
