"""Rows that this process has claimed and not recorded yet: no other works on them, as long as the lease is renewed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gevent.lock import BoundedSemaphore

from foundation.connections import PreparedPool, Statement
from side_effects import rows
from side_effects.effects import EventType
from side_effects.kinds import Claimed


class Claims:
    """The side effects in progress."""

    def __init__(self, pool: PreparedPool, event_types: Mapping[str, EventType]) -> None:
        self._pool = pool
        self._event_types = event_types
        self._in_hand: dict[int, str] = {}
        self._fatal: list[int] = []
        self._one_at_a_time = BoundedSemaphore()
        self.untried = False
        """Whether rows are ours that are not in progress: attempts that could not be made, a claim without a
        response."""

    def count(self, kind: str) -> int:
        """How many of a kind are in progress."""
        return sum(1 for one in self._in_hand.values() if one == kind)

    def take(self, claim: Statement, *args: Any) -> list[Claimed]:
        """Claim, and load the payloads; in the order of the events."""
        with self._one_at_a_time:
            found = [Claimed(*row) for row in self._pool.run(claim, args)]
            self._in_hand |= {one.id: one.kind for one in found}
        try:
            payloads = self._payloads(found)
        except Exception:
            self.let_go(*found)
            raise
        found.sort(key=lambda one: (one.event_id, one.id))
        return [replace(one, payload=payloads.get((one.event_type, one.event_id))) for one in found]

    def let_go(self, *claimed: Claimed) -> None:
        """These are no longer in progress."""
        for one in claimed:
            self._in_hand.pop(one.id, None)

    @contextmanager
    def held(self, claimed: Claimed) -> Iterator[None]:
        """In progress until its attempt is over. One that kills the process is left for others to find: released, it
        would do so for ever."""
        try:
            yield
        except SystemExit:
            self._fatal.append(claimed.id)
            raise
        finally:
            self.let_go(claimed)

    def renew(self, owner: int) -> None:
        """Extend the leases of what is in progress."""
        self._pool.run(rows.RENEW, (list(self._in_hand), owner))

    def hand_back(self, owner: int) -> None:
        """Release what is ours and not in progress, for the next claim."""
        with self._one_at_a_time:
            self.untried = False
            self._pool.run(rows.HAND_BACK, (owner, [*self._in_hand, *self._fatal]))

    def hand_back_all(self, owner: int) -> None:
        """Release everything that is ours."""
        self._in_hand.clear()
        self.hand_back(owner)

    def _payloads(self, claimed: list[Claimed]) -> dict[tuple[str, int], Any]:
        payloads: dict[tuple[str, int], Any] = {}
        for name, event_type in self._event_types.items():
            ids = [one.event_id for one in claimed if one.event_type == name]
            if ids:
                payloads |= {(name, id): payload for id, payload in event_type.load(self._pool.run, ids).items()}
        return payloads
