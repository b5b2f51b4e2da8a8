"""How people want to be notified, and the digests that collect what they want to get together."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from sqlalchemy import Boolean, Identity, Index, Time, UniqueConstraint, false, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base


class PreferencesRow(Base):
    """What one person has chosen; most have no row, and are notified as the workflow table says."""

    __tablename__ = "preferences"
    __table_args__ = (Index("preferences_inbox_off_idx", "owner", postgresql_where=text("inbox_off")),)

    owner: Mapped[str] = mapped_column(primary_key=True)
    """`buyer:7` for a buyer, `person:12` for the e-mails of somebody of a shop, `seller:3` for the shop's inbox."""

    choices: Mapped[Any] = mapped_column(JSONB, server_default="{}")
    """By kind, and for each by way: `{"SHIPPED": {"email": "off"}}`; the kind `*` stands for all others."""

    inbox_off: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """Whether any choice turns the inbox off: as long as nobody has, no change looks for one."""

    quiet_from: Mapped[time | None] = mapped_column(Time)
    quiet_until: Mapped[time | None] = mapped_column(Time)
    time_zone: Mapped[str | None]
    """IANA."""

    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class DigestRow(Base):
    """One e-mail to one person about all that one window has collected."""

    __tablename__ = "digests"
    __table_args__ = (UniqueConstraint("owner", "due_at"), Index("digests_due_at_idx", "due_at"))

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    owner: Mapped[str]
    due_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """Since when nothing is added to it: it is being sent."""


class DigestEntryRow(Base):
    """Something that a digest contains: a reference, no text. The key makes it part of one digest only."""

    __tablename__ = "digest_entries"
    __table_args__ = (
        Index("digest_entries_digest_id_idx", "digest_id"),
        Index("digest_entries_order_id_idx", "order_id"),
    )

    owner: Mapped[str] = mapped_column(primary_key=True)
    event_type: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest_id: Mapped[int]
    order_id: Mapped[int]
