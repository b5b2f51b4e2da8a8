"""Finds abandoned outbox entries, extends leases, and releases entries."""

from __future__ import annotations

from collections.abc import Mapping

from foundation import clock, sql
from foundation.connections import Row
from side_effects.liveness import (
    ALL_TIME_SECONDS,
    GRACE_SECONDS,
    HELD,
    LEASE_SECONDS,
    LIVING,
    LOOK_BACK_SECONDS,
    Liveness,
)

RESCUE_SECONDS = 1.0
"""How often each process looks for abandoned entries."""

STRAY_SECONDS = 8
"""Entries of our own whose lease was not renewed for this long are not in our memory: the result of the statement that
created them was lost with its connection, or we gave them up. Renewals come every 5 s."""

CLAIM_LIMIT = 500

FULL_LOOK_SECONDS = 30.0
RECENT_PROCESSES = 100
"""This many of the newest processes are checked each second; the rest by the full scan."""

SQL = sql.beside(
    __file__,
    held=HELD,
    lease_less_grace_seconds=LEASE_SECONDS - GRACE_SECONDS,
    lease_less_stray_seconds=LEASE_SECONDS - STRAY_SECONDS,
    lease_seconds=LEASE_SECONDS,
    living=LIVING,
    look_back_seconds=LOOK_BACK_SECONDS,
    recent_processes=RECENT_PROCESSES,
)
CLAIM = SQL.prepared("claim")
RENEW = SQL.prepared("renew")
HAND_BACK = SQL.prepared("hand_back")


class Rescuer:
    """Takes over what other processes left, for one process."""

    def __init__(self, liveness: Liveness, known: Mapping[str, int]) -> None:
        """`known`: the bits of the effects of each event type."""
        self.liveness = liveness
        self._known = list(known), list(known.values())
        self._looked_fully_at = -FULL_LOOK_SECONDS

    def claim(self, limit: int) -> list[Row]:
        """Take over up to `limit` abandoned entries."""
        look_back, live = LOOK_BACK_SECONDS, self.liveness
        if self._full_look_is_due():
            look_back = ALL_TIME_SECONDS
            if live.sees_clearly():
                self._looked_fully_at = clock.monotonic()
        args = (min(limit, CLAIM_LIMIT), look_back)
        return sorted(live.run(CLAIM, lambda: (live.number, *args, live.sees_clearly(), *self._known)))

    def renew(self, ids: list[int]) -> set[int]:
        """Extend our leases; returns the ids that are still ours."""
        return {row[0] for row in self.liveness.run(RENEW, lambda: (ids, self.liveness.number))} if ids else set()

    def hand_back(self, ids: list[int]) -> None:
        """Release our entries for other processes, which find them with their next scan."""
        if ids:
            self.liveness.run(HAND_BACK, lambda: (ids, self.liveness.number))

    def _full_look_is_due(self) -> bool:
        looked = self._looked_fully_at
        return looked <= self.liveness.failed_at or clock.monotonic() - looked > FULL_LOOK_SECONDS
