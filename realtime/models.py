"""The log of live events: append-only, numbered in commit order."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, Index, Sequence, func, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base

realtime_seq = Sequence("realtime_seq", metadata=Base.metadata)


class RealtimePack(Base):
    """The live events of a change, or of a message: see packs.py."""

    __tablename__ = "realtime_packs"
    __table_args__ = (
        Index("realtime_packs_channel_seq_idx", "channel", "seq"),
        Index("realtime_packs_other_seq_idx", "other", "seq"),
        Index("realtime_packs_event_idx", "event_id", postgresql_where=text("event_id IS NOT NULL")),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The number of its last event; the others have those before."""

    channel: Mapped[str]
    other: Mapped[str | None]
    recipe: Mapped[str]
    pieces: Mapped[str]
    event_id: Mapped[int | None]
    """The change that it is about, for the completeness check; for an internal note its id, negative: it is on no
    channel of the buyer's, by which the erasure finds the others. Empty for a message."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class RealtimeEvent(Base):
    """One event for one channel in a row of its own, as every release before wrote them; `data` is the JSON line as it
    is sent."""

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


class StreamReaderRow(Base):
    """A stream and one of its channels, with the events that it was sent: see readers.py."""

    __tablename__ = "stream_readers"
    __table_args__ = (
        Index("stream_readers_channel_opened_at_idx", "channel", "opened_at"),
        Index("stream_readers_opened_at_idx", "opened_at"),
    )

    stream: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[int]
    """The number of the process that has it: if that died, the end is not recorded."""

    who: Mapped[str]
    """`seller:7`."""

    via: Mapped[str | None]
    """By what its principal came: `person:12`, `key:5`."""

    received_from: Mapped[int]
    """The number after which it was sent everything."""

    received_through: Mapped[int | None]
    """The number up to which it was; NULL while it is open."""

    reason: Mapped[str] = mapped_column(server_default="")
    """Why it was closed."""

    opened_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[datetime | None]


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

    packed: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Whether events are packed: true once no process is left that could not read them."""
