"""The log of live events: append-only, one row per channel, numbered in commit order."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, Index, Sequence, func, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base

realtime_seq = Sequence("realtime_seq", metadata=Base.metadata)


class RealtimeEvent(Base):
    """One event for one channel; `data` is the JSON line as it is sent."""

    __tablename__ = "realtime_events"
    __table_args__ = (
        Index("realtime_events_channel_seq_idx", "channel", "seq"),
        Index("realtime_events_order_idx", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("realtime_events_without_order_idx", "channel", "seq", postgresql_where=text("order_id IS NULL")),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str]
    type: Mapped[str]
    data: Mapped[str]
    order_id: Mapped[int | None]
    """The order of the event, so that its texts can be erased. An earlier version wrote none."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class RealtimeLog(Base):
    """One row about the log as a whole."""

    __tablename__ = "realtime_log"
    __table_args__ = (CheckConstraint("one", name="one_row"),)

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default="true")
    epoch: Mapped[int]
    """Changes when numbers may have been assigned twice, as after a restored backup; cursors of another epoch are
    invalid."""

    pruned_through: Mapped[int] = mapped_column(server_default="0")
    """Events up to this number can no longer be replayed."""
