"""Logs and measures when the process's event loop was blocked: that delays every request."""

from __future__ import annotations

import gevent
from prometheus_client import Histogram

from foundation import clock
from foundation.logs import get_logger

log = get_logger(__name__)

LOOK_SECONDS = 0.1
STILL_SECONDS = 0.25
"""Longer than any single operation may take; half of it is noticed by the client."""

REPORT_SECONDS = 10.0
"""At most one record per this interval; the metric counts each."""

STILL = Histogram(
    "onward_loop_still_seconds",
    "How long a process's loop stood still, where that was over 0.25 s.",
    buckets=(0.25, 0.5, 1, 2.5, 5, 10),
)


class LoopWatch:
    """A greenlet that wakes ten times a second, and notices when it wakes late."""

    def __init__(self) -> None:
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._reported_at = -REPORT_SECONDS
        self._suppressed = 0

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
                self._report(still)

    def _report(self, still: float) -> None:
        STILL.observe(still)
        now = clock.monotonic()
        if now - self._reported_at < REPORT_SECONDS:
            self._suppressed += 1
            return
        log.warning("loop.blocked", "Event loop was blocked", seconds=round(still, 3), suppressed=self._suppressed)
        self._reported_at, self._suppressed = now, 0
