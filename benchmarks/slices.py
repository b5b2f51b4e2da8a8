"""Short measurements back to back, in rotation, so that a slow minute of the machine affects every contender alike."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.contender import BenchmarkError, Contender, Load
from benchmarks.database import Server
from benchmarks.machine import NOISY_SHARE, Meter, Usage
from foundation import clock

DRAIN_SECONDS = 120
LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True)
class Pace:
    """The length and the number of slices."""

    slices: int
    seconds: float
    warmup: float = 0.3


@dataclass(frozen=True)
class Slice:
    """One contender's short turn."""

    contender: str
    concurrency: int
    load: Load
    usage: Usage
    done_after: float
    """Seconds from the last response until all effects were done, and counted."""

    @property
    def sustained(self) -> float:
        """Changes a second, with all of their effects."""
        return self.load.committed / (self.load.ended - self.load.began + self.done_after)

    @property
    def noisy(self) -> bool:
        return self.usage.foreign > NOISY_SHARE


class Results:
    """All slices of one interleaved run."""

    def __init__(self, slices: Sequence[Slice]) -> None:
        self.slices = slices

    def of(self, contender: str, concurrency: int) -> list[Slice]:
        return [one for one in self.slices if (one.contender, one.concurrency) == (contender, concurrency)]

    def median(self, contender: str, concurrency: int, value: Callable[[Slice], float]) -> float:
        return statistics.median(map(value, self.of(contender, concurrency)))

    def ratio(self, one: str, other: str, concurrency: int, value: Callable[[Slice], float]) -> float:
        """The median of the ratios inside each round."""
        pairs = zip(self.of(one, concurrency), self.of(other, concurrency), strict=True)
        return statistics.median(value(a) / value(b) for a, b in pairs)

    @property
    def committed(self) -> int:
        return sum(one.load.committed for one in self.slices)

    @property
    def noisy(self) -> int:
        return sum(one.noisy for one in self.slices)


@contextmanager
def running(contenders: Sequence[Contender]) -> Iterator[None]:
    """All contenders at once; those that are not measured are idle."""
    with ExitStack() as stack:
        for contender in contenders:
            stack.callback(contender.stop)
            contender.start()
        for contender in contenders:
            contender.wait_until_ready()
        yield


def interleave(server: Server, contenders: Sequence[Contender], levels: Sequence[int], pace: Pace) -> Results:
    """Measure all in turn at each level of concurrency, round after round, each round starting with another."""
    slices = []
    server.checkpoint()
    for round_ in range(pace.slices):
        first = round_ % len(contenders)
        for concurrency in levels:
            for contender in (*contenders[first:], *contenders[:first]):
                slices.append(_measure(server, contender, concurrency, pace, round_))
                _tell(round_, pace, slices[-1])
    for contender in contenders:
        contender.check(sum(one.load.committed for one in slices if one.contender == contender.name))
    return Results(slices)


def _measure(server: Server, contender: Contender, concurrency: int, pace: Pace, round_: int) -> Slice:
    contender.prepare()
    meter = Meter.begin(contender.pids, server.pids)
    load = contender.load(concurrency, pace.warmup, pace.seconds, round_)
    expected = contender.leaves.times(load.committed)
    ends = clock.monotonic() + DRAIN_SECONDS
    while not contender.is_done(expected) and clock.monotonic() < ends:
        time.sleep(LOOK_AGAIN_SECONDS)
    done_after = clock.monotonic() - load.ended
    usage = meter.until_now()
    found = contender.database.rows()
    contender.rest()
    if found != expected:
        raise BenchmarkError(f"{contender.name} at c={concurrency} left {found} instead of {expected}.")
    return Slice(contender.name, concurrency, load, usage, done_after)


def _tell(round_: int, pace: Pace, one: Slice) -> None:
    print(
        f"  slice {round_ + 1}/{pace.slices}  {one.contender:<34} c={one.concurrency:<3} "
        f"{one.load.rate:8.1f} req/s  p50 {one.load.p50 * 1000:8.2f} ms  done after {one.done_after:5.2f} s"
        f"  others {one.usage.foreign:4.0%}{'  noisy' if one.noisy else ''}",
        file=sys.stderr,
        flush=True,
    )
