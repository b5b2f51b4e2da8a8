"""The in-app inbox, and what is known of letters and alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base


class NotificationRow(Base):
    """One notification to one person; the unique key makes a repeated insert change nothing."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("event_id", "kind", "recipient_role"),
        Index("notifications_recipient_idx", "recipient_id", "recipient_role", "id"),
        Index("notifications_order_idx", "order_id", "recipient_role", "id"),
        Index("notifications_unread_idx", "recipient_id", "recipient_role", postgresql_where=text("read_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    event_id: Mapped[int]
    """The change; of the kinds `message` and `note` the message, of `bulk_change` the bulk change."""

    order_id: Mapped[int]
    """Negative where it is about no order: a number that no other has, since those of one order form bursts."""

    kind: Mapped[str]
    """`generic`, `status` for the text of the status, `message` and `note`, or `bulk_change` at the end of one."""

    recipient_role: Mapped[str]
    recipient_id: Mapped[int]
    title: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    read_at: Mapped[datetime | None]


class SentLetter(Base):
    """Who has got a letter that goes to several people; the letter is known by its kind and event."""

    __tablename__ = "sent_letters"
    __table_args__ = (UniqueConstraint("kind", "event_id", "person_id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    kind: Mapped[str]
    event_id: Mapped[int]
    person_id: Mapped[int]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class AlertRow(Base):
    """Something that operators were notified of, once for each key."""

    __tablename__ = "alerts"
    __table_args__ = (UniqueConstraint("key"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    key: Mapped[str]
    kind: Mapped[str]
    seller_id: Mapped[int | None]
    """Whose staff is notified too."""

    shown: Mapped[Any] = mapped_column(JSON)
    """What the template shows. No personal data."""

    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
