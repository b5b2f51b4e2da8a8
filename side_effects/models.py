"""The outbox: what was promised together with a change and is not done yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Identity, Integer, Sequence, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base

process_seq = Sequence("process_seq", metadata=Base.metadata)
"""Gives each process a number that is never used again, so that a dead owner cannot come back as somebody else."""


class OutboxRow(Base):
    """One promise: references only, no payload; deleted when everything in it is done."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    topic: Mapped[str]
    subject_id: Mapped[int]
    ref: Mapped[int]
    pending: Mapped[int] = mapped_column(Integer)
    request_id: Mapped[str]
    owner: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
