"""An entry in memory: one outbox row, and what of it this process still has to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foundation import clock
from side_effects.effects import Effect, EventType
from side_effects.tasks import Task


class OutboxEntry:
    """What the outbox row says and how far we are. The database has the last word on both."""

    __slots__ = (
        "event_id",
        "event_type",
        "id",
        "left",
        "order_id",
        "payload",
        "pending",
        "queued",
        "ready",
        "request_id",
        "since",
        "tasks",
    )

    def __init__(
        self,
        id: int,
        event_type: EventType,
        event_id: int,
        order_id: int,
        pending: int,
        request_id: str,
        payload: Any = None,
    ) -> None:
        self.id = id
        self.event_type = event_type
        self.event_id = event_id
        self.order_id = order_id
        self.pending = pending  # bits of the effects that are not known to be done
        self.request_id = request_id
        self.payload = payload
        self.ready = 0  # bits that the batch writer does with its next batch
        self.queued = False  # whether it stands in that bulkhead's queue
        self.since = clock.monotonic()  # when its lease was last known to be ours
        self.left = False  # whether its rows found no room in the bulkhead: the rescuer will bring them back
        self.tasks: list[EntryTask] = []  # of the effects that are run one by one

    @property
    def context(self) -> str:
        """How its tasks are called in the log."""
        return f"{self.event_type.context}:{self.order_id}"


@dataclass(slots=True, kw_only=True)
class EntryTask(Task):
    """A task that is one effect of an entry: what it does is completed in the outbox."""

    entry: OutboxEntry
    effect: Effect

    @property
    def left(self) -> bool:
        """Whether this process has tried and failed, or had no room: the rescuer will bring it back."""
        return self.outcome is not None and self.outcome.kind == "retry"

    @property
    def bit(self) -> int:
        """Its place in the entry's `pending`, as a mask."""
        return 1 << self.effect.bit
