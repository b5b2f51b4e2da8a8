"""A kind of durable side effect: its handler, its retries and its limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from foundation.connections import Statement
from side_effects.retry import DURABLE, Outcome

WEBHOOK_COOLDOWN_SECONDS = 15 * 60.0
SMTP_COOLDOWN_SECONDS = 15.0


@dataclass(frozen=True)
class Claimed:
    """A side effect whose attempt has started; no other process works on it while the lease lasts."""

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
    """The payload that the event type loads; None if the event no longer exists."""

    probe: bool = False
    """Whether it is a probe; if it fails because of the destination, no attempt was spent."""

    @property
    def message_id(self) -> str:
        """The same for every attempt, so that a receiver recognises a repetition."""
        return f"{self.kind}.{self.event_type}.{self.event_id}"


@dataclass(frozen=True)
class Kind:
    """One kind of durable side effect."""

    name: str
    attempt: Callable[[Claimed], Outcome]
    """Makes one attempt. An exception counts as a retry; an unavailable database of our own as no attempt at all."""

    delays: tuple[float, ...] = DURABLE
    order: Literal["every", "latest"] = "every"
    """Whether each one of an order counts, or only the newest; then earlier ones are recorded as superseded."""

    concurrency: int = 4
    timeout: float = 15.0
    """Time limit of one attempt: client libraries have no total deadline of their own."""

    longest_cooldown: float = WEBHOOK_COOLDOWN_SECONDS
    pace: float = 100.0
    """Rate per second at which a destination's backlog becomes due when its circuit closes."""

    destinations: Callable[[], Sequence[str]] | None = None
    """The destinations that this process can call; None if it can call any. Rows for others are left to processes that
    can, such as those of a newer version."""

    no_longer_due: str = ""
    """SQL over a side effect `s`: why it is not wanted any more, NULL if it is. The statement that claims it asks this,
    and what is no longer due is recorded as superseded. Empty if what is due stays due."""

    claim: Statement | None = None
    """A claim of its own, for a kind with destinations that must not take each other's place: of at most so many rows
    (int), for this owner (bigint). It returns what the usual claim does, and leaves out whatever cannot be attempted
    now."""

    prefix: str = ""
    """What all of its destinations begin with, and no other kind's, if there may be very many of them."""

    records_itself: bool = False
    """True if the attempt writes its effect and its record in one statement: exactly once."""
