"""The entries of this process: outbox rows that are leased to it, and its progress with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foundation import clock
from foundation.logs import get_logger
from outbox.rescue import CLAIM_LIMIT, Rescuer
from side_effects.effects import Effect, EventType
from side_effects.liveness import LEASE_SECONDS
from side_effects.retry import Outcome
from side_effects.tasks import Task

RENEW_AFTER_SECONDS = LEASE_SECONDS / 3

log = get_logger(__name__)


@dataclass(slots=True, eq=False)
class OutboxEntry:
    """The contents of an outbox row, and our progress. The database is authoritative for both.

    Any module may read it; only this file changes it.
    """

    id: int
    event_type: EventType
    event_id: int
    order_id: int
    remaining: int
    """Bits of the effects that are not known to be done."""

    request_id: str
    payload: Any = None
    staged: int = 0
    """Bits that the batch writer completes with its next batch."""

    abandoned: bool = False
    """Whether its lease has to expire, so that the rescuer brings it back: the queue was full, or a failure could not
    be recorded."""

    leased_at: float = field(default_factory=clock.monotonic)
    """When its lease was last known to be ours."""

    @property
    def context(self) -> str:
        """The name of its tasks in the log."""
        return f"{self.event_type.context}:{self.order_id}"

    def stage(self, bits: int) -> None:
        """Have the batch writer do these effects, and no others, with its next batch."""
        self.staged = bits & self.remaining

    def mark_done(self, bits: int) -> None:
        """These effects have happened, or have rows of their own."""
        self.remaining &= ~bits
        self.staged &= ~bits

    def abandon(self) -> None:
        """Do not renew its lease any more."""
        self.abandoned = True


@dataclass(slots=True, kw_only=True)
class EntryTask(Task):
    """A task for one effect of an entry: its result is completed in the outbox."""

    entry: OutboxEntry
    effect: Effect

    @property
    def bit(self) -> int:
        """Its bit in the entry's bits, as a mask."""
        return 1 << self.effect.bit

    def end(self, outcome: Outcome) -> None:
        """A task that failed, or found a full queue, is brought back by the rescuer."""
        if outcome.kind == "retry":
            self.entry.abandon()
        Task.end(self, outcome)


class Leases:
    """The entries in progress. Leases of slow ones are renewed; those of abandoned ones expire."""

    def __init__(self, rescuer: Rescuer, event_types: Mapping[str, EventType]) -> None:
        self.rescuer = rescuer
        self._event_types = event_types
        self._entries: dict[int, OutboxEntry] = {}

    def add(self, entry: OutboxEntry) -> None:
        """Add an entry."""
        self._entries[entry.id] = entry

    def forget(self, entry: OutboxEntry) -> None:
        """Remove an entry: it is done, or its lease has to expire so that the rescuer brings it back."""
        self._entries.pop(entry.id, None)

    def clear(self) -> None:
        """Remove all."""
        self._entries.clear()

    def claim(self) -> list[tuple[OutboxEntry, bool]]:
        """Show that we live, renew our leases, and take over abandoned entries: each entry, and whether its process
        died during it."""
        self.rescuer.liveness.ensure_alive()
        self._renew()
        taken: list[tuple[OutboxEntry, bool]] = []
        for id, name, event_id, order_id, pending, request_id, orphaned in self.rescuer.claim(CLAIM_LIMIT):
            event_type = self._event_types[name]
            if pending & ~event_type.everything:
                log.warning(
                    "outbox.unknown_effects", "Outbox entry has effects of a newer version; they are left to it", id=id
                )
            taken.append((OutboxEntry(id, event_type, event_id, order_id, pending, request_id), orphaned))
        return taken

    def hand_back(self) -> None:
        """Release everything in progress for other processes."""
        self.rescuer.hand_back(list(self._entries))
        self.clear()

    def _renew(self) -> None:
        old = clock.monotonic() - RENEW_AFTER_SECONDS
        waiting = [entry for entry in self._entries.values() if entry.leased_at < old]
        for entry in waiting:
            if entry.abandoned:
                self.forget(entry)
        ids = [entry.id for entry in waiting if entry.id in self._entries]
        renewed = self.rescuer.renew(ids)
        for id in ids:
            known = self._entries.get(id)  # it may have been completed meanwhile
            if known and id in renewed:
                known.leased_at = clock.monotonic()
            elif known:
                self.forget(known)
