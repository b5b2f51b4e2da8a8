"""When the batch writer begins its next batch: at once while little is going on, at an even pace under load."""

from __future__ import annotations

PACE_SECONDS = 0.010
"""Under load, a batch begins this long after the one before began. It holds 17 entries then instead of 4, and the
database does half the work for each."""

QUIET_PER_SECOND = 250
"""With fewer entries a second nothing is waited for: events are seen after 2 ms instead of 7, for work that a
database has time for then."""

LOOK_SECONDS = 0.1
"""How long entries are counted before it is judged how many there are."""


class Pace:
    """Counts what comes. Moments are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._begun = self._since = float("-inf")
        self._count = 0
        self._crowded = False

    def wait(self, now: float) -> float:
        """Seconds until the next batch may begin."""
        return max(0.0, self._begun + PACE_SECONDS - now) if self._crowded else 0.0

    def begin(self, entries: int, now: float) -> None:
        """A batch of so many begins now."""
        self._begun = now
        self._count += entries
        if now - self._since >= LOOK_SECONDS:
            self._crowded = self._count > QUIET_PER_SECOND * (now - self._since)
            self._since, self._count = now, 0
