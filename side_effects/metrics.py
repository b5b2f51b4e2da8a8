"""The engine's metrics for Prometheus; correct over several workers in multiprocess mode."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

ATTEMPTS = Counter("onward_side_effect_attempts", "Attempts at side effects.", ("kind", "outcome"))
DURATION = Histogram(
    "onward_side_effect_duration_seconds",
    "How long attempts took; for a batch of internal effects, the batch.",
    ("kind",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
DEATHS = Counter("onward_dead_letters", "Side effects that were given up.", ("kind",))
WAITING = Gauge("onward_queue_waiting", "Tasks that wait in a bulkhead.", ("bulkhead",), multiprocess_mode="livesum")
BATCH = Histogram(
    "onward_batch_entries", "Entries recorded in one transaction.", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)


# The library's look-up by labels costs more than the counting.
@cache
def _attempts(kind: str, outcome: str) -> Counter:
    return ATTEMPTS.labels(kind, outcome)


@cache
def _duration(kind: str) -> Histogram:
    return DURATION.labels(kind)


class Metrics:
    """The engine's counters."""

    def attempted(self, kind: str, outcome: str, seconds: float) -> None:
        """One attempt of a kind ended with this outcome: succeeded, retry or dead."""
        _attempts(kind, outcome).inc()
        _duration(kind).observe(seconds)

    def completed(self, kinds: dict[str, int], entries: int, seconds: float) -> None:
        """A batch wrote this many effects of each kind."""
        BATCH.observe(entries)
        _duration("internal").observe(seconds)
        for kind, count in kinds.items():
            _attempts(kind, "succeeded").inc(count)

    def crashed(self, kind: str) -> None:
        """An attempt ended with its process."""
        _attempts(kind, "crashed").inc()

    def died(self, kind: str, count: int = 1) -> None:
        """A side effect was given up."""
        DEATHS.labels(kind).inc(count)

    def waiting(self, bulkheads: Sequence[tuple[str, int]]) -> None:
        """How many tasks wait in each bulkhead of this process."""
        for name, count in bulkheads:
            WAITING.labels(name).set(count)
