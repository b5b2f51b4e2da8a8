"""Tell in log and figures when the process's one loop stood still: whoever holds it keeps everybody waiting."""

from __future__ import annotations

import gevent
import structlog
from prometheus_client import Histogram

from foundation import clock

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.1
STILL_SECONDS = 0.25
"""Longer than anything that may be done in one go; half of it is felt at the other end."""

TOLD_SECONDS = 10.0
"""One line in so much time; the figures have each."""

STILL = Histogram(
    "onward_loop_still_seconds",
    "How long a process's loop stood still, where that was over 0.25 s.",
    buckets=(0.25, 0.5, 1, 2.5, 5, 10),
)


class LoopWatch:
    """A greenlet that wakes ten times a second, and notices when it was woken late."""

    def __init__(self) -> None:
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._told_at = -TOLD_SECONDS
        self._untold = 0

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill()

    def _run(self) -> None:
        while True:
            asleep = clock.monotonic()
            gevent.sleep(LOOK_SECONDS)
            still = clock.monotonic() - asleep - LOOK_SECONDS
            if still > STILL_SECONDS:
                self._tell(still)

    def _tell(self, still: float) -> None:
        STILL.observe(still)
        now = clock.monotonic()
        if now - self._told_at < TOLD_SECONDS:
            self._untold += 1
            return
        log.warning("The loop stood still", seconds=round(still, 3), untold=self._untold)
        self._told_at, self._untold = now, 0
