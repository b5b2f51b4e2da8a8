"""What this process has to do: the entries that are leased to it, and its sign of life."""

from __future__ import annotations

from collections.abc import Mapping

from foundation import clock
from foundation.logs import get_logger
from outbox.entries import OutboxEntry
from outbox.rescue import CLAIM_LIMIT, Rescuer
from side_effects.effects import EventType
from side_effects.liveness import LEASE_SECONDS

RENEW_AFTER_SECONDS = LEASE_SECONDS / 3


log = get_logger(__name__)


class Leases:
    """The entries in hand. Leases of those that take long are renewed; those we gave up are let go."""

    def __init__(self, rescuer: Rescuer, event_types: Mapping[str, EventType]) -> None:
        self.rescuer = rescuer
        self._event_types = event_types
        self._entries: dict[int, OutboxEntry] = {}

    def add(self, entry: OutboxEntry) -> None:
        """Take an entry into our hands."""
        self._entries[entry.id] = entry

    def forget(self, entry: OutboxEntry) -> None:
        """Let go of an entry: it is kept, or its lease shall end so that the rescuer brings it back."""
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
        waiting = [entry for entry in self._entries.values() if entry.since < old]
        for entry in waiting:
            if entry.left or any(task.left for task in entry.tasks):
                self.forget(entry)
        ids = [entry.id for entry in waiting if entry.id in self._entries]
        renewed = self.rescuer.renew(ids)
        for id in ids:
            known = self._entries.get(id)  # it may have been kept meanwhile
            if known and id in renewed:
                known.since = clock.monotonic()
            elif known:
                self.forget(known)
