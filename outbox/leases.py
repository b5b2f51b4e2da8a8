"""What this process owes: the promises that are leased to it, and its sign of life."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from foundation import clock
from outbox.entries import Promise
from outbox.rescue import CLAIM_LIMIT, Sweeper
from side_effects.effects import Topic
from side_effects.liveness import LEASE_SECONDS

RENEW_AFTER_SECONDS = LEASE_SECONDS / 3


log = structlog.get_logger(__name__)


class Owed:
    """The promises in hand. Leases of those that take long are renewed; those we gave up are let go."""

    def __init__(self, sweeper: Sweeper, topics: Mapping[str, Topic]) -> None:
        self.sweeper = sweeper
        self._topics = topics
        self._promises: dict[int, Promise] = {}

    def add(self, promise: Promise) -> None:
        """Take a promise into our hands."""
        self._promises[promise.id] = promise

    def forget(self, promise: Promise) -> None:
        """Let go of a promise: it is kept, or its lease shall end so that the sweeper brings it back."""
        self._promises.pop(promise.id, None)

    def clear(self) -> None:
        """Let go of all."""
        self._promises.clear()

    def claim(self) -> list[tuple[Promise, bool]]:
        """Show that we live, renew our leases, and take over what nobody works on any more: each promise, and whether
        its process ended over it."""
        self.sweeper.liveness.ensure_alive()
        self._renew()
        taken: list[tuple[Promise, bool]] = []
        for id, name, subject_id, ref, pending, request_id, orphaned in self.sweeper.claim(CLAIM_LIMIT):
            topic = self._topics[name]
            if pending & ~topic.everything:
                log.warning("A newer version owes more than this process knows; that is left to it", id=id)
            taken.append((Promise(id, topic, subject_id, ref, pending, request_id), orphaned))
        return taken

    def hand_back(self) -> None:
        """Free everything in hand for the other processes."""
        self.sweeper.hand_back(list(self._promises))
        self.clear()

    def _renew(self) -> None:
        old = clock.monotonic() - RENEW_AFTER_SECONDS
        waiting = [promise for promise in self._promises.values() if promise.since < old]
        for promise in waiting:
            if promise.left or any(task.left for task in promise.tasks):
                self.forget(promise)
        ids = [promise.id for promise in waiting if promise.id in self._promises]
        renewed = self.sweeper.renew(ids)
        for id in ids:
            known = self._promises.get(id)  # it may have been kept meanwhile
            if known and id in renewed:
                known.since = clock.monotonic()
            elif known:
                self.forget(known)
