"""What this process has to do: outbox rows that are leased to it, and how far it is with each."""

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
    """One outbox row: what it says, and how far we are. The database has the last word on both.

    Everybody may read all of it; what changes is written in this file only.
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
    """Bits that the batch writer does with its next batch."""

    abandoned: bool = False
    """Whether its lease shall end, so that the rescuer brings it back: there was no room, or something failed that
    could not be written down."""

    leased_at: float = field(default_factory=clock.monotonic)
    """When its lease was last known to be ours."""

    @property
    def context(self) -> str:
        """How its tasks are called in the log."""
        return f"{self.event_type.context}:{self.order_id}"

    def stage(self, bits: int) -> None:
        """Have the batch writer do these effects, and no others, with its next batch."""
        self.staged = bits & self.remaining

    def mark_done(self, bits: int) -> None:
        """These effects have happened, or have rows of their own."""
        self.remaining &= ~bits
        self.staged &= ~bits

    def abandon(self) -> None:
        """Renew its lease no more."""
        self.abandoned = True


@dataclass(slots=True, kw_only=True)
class EntryTask(Task):
    """A task that is one effect of an entry: what it does is completed in the outbox."""

    entry: OutboxEntry
    effect: Effect

    @property
    def bit(self) -> int:
        """Its place in the entry's bits, as a mask."""
        return 1 << self.effect.bit

    def end(self, outcome: Outcome) -> None:
        """What failed, or found no room, is brought back by the rescuer."""
        if outcome.kind == "retry":
            self.entry.abandon()
        Task.end(self, outcome)


class Leases:
    """The entries in hand. Leases of those that take long are renewed; those we abandoned run out."""

    def __init__(self, rescuer: Rescuer, event_types: Mapping[str, EventType]) -> None:
        self.rescuer = rescuer
        self._event_types = event_types
        self._entries: dict[int, OutboxEntry] = {}

    def add(self, entry: OutboxEntry) -> None:
        """Take an entry into our hands."""
        self._entries[entry.id] = entry

    def forget(self, entry: OutboxEntry) -> None:
        """Let go of an entry: it is done, or its lease shall end so that the rescuer brings it back."""
        self._entries.pop(entry.id, None)

    def clear(self) -> None:
        """Let go of all."""
        self._entries.clear()

    def claim(self) -> list[tuple[OutboxEntry, bool]]:
        """Show that we live, renew our leases, and take over what nobody works on any more: each entry, and whether
        its process ended over it."""
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
        """Free everything in hand for the other processes."""
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
            known = self._entries.get(id)  # it may have been done meanwhile
            if known and id in renewed:
                known.leased_at = clock.monotonic()
            elif known:
                self.forget(known)
