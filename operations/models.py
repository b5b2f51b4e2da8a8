"""The tables of what operators see over time, and of what they do to many side effects at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Float, Identity, Index, Integer, func, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base


class MetricMinute(Base):
    """A number of one minute: what all processes counted together, or what the database was found to hold."""

    __tablename__ = "metric_minutes"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    """As `email.status retry`; empty where there is only one."""

    value: Mapped[float] = mapped_column(Float)


class OperatorJobRow(Base):
    """Dead letters that are redelivered or discarded in the background, a few at a time."""

    __tablename__ = "operator_jobs"
    __table_args__ = (Index("operator_jobs_running_idx", "due_at", postgresql_where=text("state = 'running'")),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    actor: Mapped[str]
    actor_via: Mapped[str | None]
    action: Mapped[str]
    """`redeliver` or `discard`."""

    selection: Mapped[Any] = mapped_column(JSON)
    target: Mapped[str]
    """The selection in words, as in the audit trail."""

    reason: Mapped[str]
    per_second: Mapped[float] = mapped_column(Float)
    state: Mapped[str] = mapped_column(server_default="running")
    """`running`, `finished` or `stopped`."""

    matching: Mapped[int] = mapped_column(Integer)
    """How many dead letters were selected at the beginning, counted up to a limit."""

    last_id: Mapped[int]
    """The last of them: what dies later is not the job's."""

    done_to: Mapped[int] = mapped_column(server_default="0")
    """Everything up to this id has been gone through."""

    done: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str] = mapped_column(server_default="")
    """Why its last piece failed; it is tried again."""

    due_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    finished_at: Mapped[datetime | None]
