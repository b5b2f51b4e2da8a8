"""The outbox, the side effects that need rows of their own, and the state of their destinations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Float,
    Identity,
    Index,
    Integer,
    Sequence,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base

STATUSES = ("pending", "running", "succeeded", "dead", "discarded", "superseded")

process_seq = Sequence("process_seq", metadata=Base.metadata)
"""Gives each process a number that is never reused, so that a dead owner cannot return as another process."""


class OutboxRow(Base):
    """One entry: references only, no payload; deleted when everything in it is done."""

    __tablename__ = "outbox"
    # Without the id: PostgreSQL 18 would skip-scan it for a lookup by id alone.
    __table_args__ = (Index("outbox_order_idx", "order_id"), Index("outbox_owner_idx", "owner", "lease_until"))

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    event_type: Mapped[str]
    event_id: Mapped[int]
    order_id: Mapped[int]
    pending: Mapped[int] = mapped_column(Integer)
    request_id: Mapped[str]
    owner: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class SideEffectRow(Base):
    """Effects with a status of their own: those that leave the process, and any that failed at the first attempt."""

    __tablename__ = "side_effects"
    __table_args__ = (
        UniqueConstraint("event_type", "event_id", "kind", "destination"),
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        # The claim reads the first; the second keeps the effects of one order in sequence.
        Index("side_effects_due_idx", "kind", "scheduled_at", "id", postgresql_where=text("status = 'pending'")),
        Index(
            "side_effects_order_idx",
            "order_id",
            "kind",
            "destination",
            "event_id",
            postgresql_where=text("status IN ('pending', 'running')"),
        ),
        # The claim of a kind whose destinations take turns.
        Index(
            "side_effects_webhooks_idx",
            "destination",
            "scheduled_at",
            "id",
            postgresql_where=text("status = 'pending' AND kind = 'webhook.delivery'"),
        ),
        Index("side_effects_destination_idx", "destination", "event_id", postgresql_where=text("status = 'pending'")),
        Index("side_effects_running_idx", "claimed_until", postgresql_where=text("claimed_until IS NOT NULL")),
        Index("side_effects_dead_idx", "kind", "fingerprint", "id", postgresql_where=text("status = 'dead'")),
        # All dead letters, the newest first; jobs go through them from the oldest on.
        Index("side_effects_dead_id_idx", "id", postgresql_where=text("status = 'dead'")),
        Index("side_effects_job_idx", "job_id", "status", postgresql_where=text("job_id IS NOT NULL")),
        Index(
            "side_effects_finished_idx", "finished_at", postgresql_where=text("status IN ('succeeded', 'discarded')")
        ),
        Index("side_effects_superseded_idx", "finished_at", postgresql_where=text("status = 'superseded'")),
        {"postgresql_with": {"fillfactor": 80}},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str]
    destination: Mapped[str]
    event_type: Mapped[str]
    event_id: Mapped[int]
    order_id: Mapped[int]
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    """Attempts started: counted at the claim, so that one that kills its process is spent."""

    crashes: Mapped[int] = mapped_column(Integer, server_default="0")
    scheduled_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    owner: Mapped[int] = mapped_column(server_default="0")
    claimed_until: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(server_default="")
    fingerprint: Mapped[str] = mapped_column(server_default="")
    """Equal for errors that differ only in numbers; dead letters are grouped by it."""

    request_id: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    finished_at: Mapped[datetime | None]
    attempt_log: Mapped[Any] = mapped_column(JSONB, server_default="[]")
    """The last attempts, the newest at the end: `{"attempt", "at", "seconds", "outcome", "error"}`."""

    job_id: Mapped[int | None]
    """The operator's job that redelivered or discarded it last."""


class CircuitRow(Base):
    """A destination's circuit breaker, shared by all processes; a destination without a row is closed."""

    __tablename__ = "circuits"

    destination: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="closed")
    paused: Mapped[bool] = mapped_column(Boolean, server_default="false")
    until: Mapped[datetime | None]
    cooldown: Mapped[float] = mapped_column(Float, server_default="0")
    probes: Mapped[int] = mapped_column(Integer, server_default="0")
    """Probes that may still start while it is half-open."""

    passed: Mapped[int] = mapped_column(Integer, server_default="0")
    window: Mapped[Any] = mapped_column(JSON, server_default="[]")
    """Calls and failures of the last five minutes: [[slot of five seconds, calls, failures], ...]."""


class CircuitChange(Base):
    """Every change of a circuit's state, with its reason."""

    __tablename__ = "circuit_changes"
    __table_args__ = (Index("circuit_changes_destination_id_idx", "destination", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    destination: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class OperatorActionRow(Base):
    """An operator's action on side effects: the audit trail of redeliveries, discards, pauses and modes."""

    __tablename__ = "operator_actions"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    actor: Mapped[str]
    actor_via: Mapped[str | None]
    """By whom or what the actor acted, `person:12` (access/actors.py); NULL if it is not known."""

    action: Mapped[str]
    target: Mapped[str]
    reason: Mapped[str]
    count: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Mode(Base):
    """The mode of a kind: `background` or `sequential`; the kind `*` stands for all without a row."""

    __tablename__ = "side_effect_modes"

    kind: Mapped[str] = mapped_column(primary_key=True)
    mode: Mapped[str]
