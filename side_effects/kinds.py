"""What the engine is told of a kind of durable side effect: who does it, how often, and how carefully."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from side_effects.retry import DURABLE, Outcome

WEBHOOK_COOLDOWN_SECONDS = 15 * 60.0
SMTP_COOLDOWN_SECONDS = 15.0


@dataclass(frozen=True)
class Claimed:
    """A side effect whose attempt has begun; nobody else works on it while the lease lasts."""

    id: int
    kind: str
    destination: str
    event_type: str
    event_id: int
    order_id: int
    attempts: int
    request_id: str
    scheduled_at: datetime
    payload: Any = field(default=None, repr=False)
    """What the event_type loads for the subject; None when there is no such subject any more."""

    probe: bool = False
    """Whether it is the trial call to a destination that may be back; if it fails through the destination, no attempt
    was spent."""

    @property
    def message_id(self) -> str:
        """The same for every attempt, so that a receiver can tell a repetition."""
        return f"{self.kind}.{self.event_type}.{self.event_id}"


@dataclass(frozen=True)
class Kind:
    """One kind of durable side effect."""

    name: str
    attempt: Callable[[Claimed], Outcome]
    """Makes one attempt. What it raises counts as a retry; that our own database is away, as no attempt at all."""

    delays: tuple[float, ...] = DURABLE
    order: Literal["every", "latest"] = "every"
    """Whether each one of an order counts, or only the newest; then those before it are recorded as superseded."""

    concurrency: int = 4
    timeout: float = 15.0
    """Seconds that one attempt may take: no client library has a total deadline of its own."""

    longest_cooldown: float = WEBHOOK_COOLDOWN_SECONDS
    pace: float = 100.0
    """Calls per second at which a destination's backlog becomes due when its circuit closes."""

    destinations: Callable[[], Sequence[str]] | None = None
    """Whom this process can call; None where it can call whoever is named. Rows for others are left to processes that
    can, such as those of a newer version."""

    records_itself: bool = False
    """True where the attempt writes its effect and its record in one statement: exactly once."""


def entry_row(kind: str, destination: str, event_type: str, source: str, condition: str) -> str:
    """The INSERT by which an entry moves from the outbox to a row of its own, in the batch's transaction.

    `source` names a CTE with id (the subject's), order_id and request_id; `destination` is SQL.
    """
    return f"""
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id)
    SELECT '{kind}', {destination}, '{event_type}', id, order_id, request_id FROM {source} WHERE {condition}
    ORDER BY id ON CONFLICT DO NOTHING RETURNING id"""
