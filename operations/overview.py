"""What operators see over time: rates, durations, depth and age, from the rollups; and how each kind of effect does.

A step without a running process is a gap, `None`, never a zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from foundation.clock import now
from foundation.db import db
from operations.metrics import DEAD
from operations.rollups import ROLLED_UP

STEPS = {15: 60, 60: 60, 360: 300, 1440: 900}
"""Seconds of a step, by how many minutes are shown: no chart has more than a hundred points."""

MEASURES = (
    "processes",
    "attempts",
    "deaths",
    "changes",
    "requests",
    "opened",
    "closed",
    "streams",
    "effect_seconds",
    "request_seconds",
    "oldest",
    "waiting",
    "dead",
)
OUTCOMES_SHOWN = ("succeeded", "retry", "dead")
SLOW = "slow consumer"
"""The reason of a stream that was dropped since it did not read (realtime/hub.py)."""

Values = list[float | None]


@dataclass(frozen=True)
class MeasuredLine:
    """A line of a chart: a value for each step."""

    name: str
    label: str
    values: Values


@dataclass(frozen=True)
class KindSummary:
    """How a kind of effect did in the whole time shown."""

    kind: str
    per_minute: float
    success: float | None
    """Per cent of those that ended; None if none did."""

    p50: float | None
    p95: float | None
    p99: float | None
    retried: int
    waiting: int
    dead: int


@dataclass(frozen=True)
class StreamCounts:
    """The open streams of the last minute by role, and those of the whole time by how they began and ended."""

    processes: int
    open: dict[str, int]
    opened: dict[str, int]
    closed: dict[str, int]


@dataclass(frozen=True)
class Cell:
    """A number of one step: the sum over its minutes, and the largest of them."""

    sum: float
    most: float


class Rolled:
    """The rollups of the last minutes, read once."""

    def __init__(self, minutes: int) -> None:
        self.step = STEPS[minutes]
        end = now().replace(second=0, microsecond=0)
        self.since = end - timedelta(minutes=minutes)
        self.until = end
        values = {"since": self.since, "until": end, "step": self.step, "names": list(MEASURES)}
        first = int(self.since.timestamp())
        self.count = minutes * 60 // self.step
        self._cells: dict[str, dict[str, dict[int, Cell]]] = defaultdict(lambda: defaultdict(dict))
        self.minutes = [0] * self.count
        """In how many minutes of each step a process was running."""

        for row in db.session.execute(ROLLED_UP, values):
            at = (row.at - first) // self.step
            self._cells[row.name][row.label][at] = Cell(row.sum, row.most)
            if row.name == "processes":
                self.minutes[at] = row.minutes

    def times(self) -> list[datetime]:
        """When each step begins."""
        return [self.since + timedelta(seconds=self.step * at) for at in range(self.count)]

    def labels(self, name: str) -> list[str]:
        """The labels of a measure."""
        return sorted(self._cells[name])

    def total(self, name: str, labels: Iterable[str]) -> float:
        """All that was counted with these labels."""
        return sum(cell.sum for label in labels for cell in self._cells[name][label].values())

    def per_minute(self, name: str, labels: Iterable[str]) -> Values:
        """A rate, by step."""
        return self._by_step(name, labels, lambda cells, minutes: sum(one.sum for one in cells) / minutes)

    def most(self, name: str, labels: Iterable[str], add: bool) -> Values:
        """The largest value of a step, added over the labels or the largest of them."""
        return self._by_step(
            name, labels, lambda cells, _: (sum if add else max)([*(one.most for one in cells), *([] if add else [0])])
        )

    def quantile(self, name: str, share: float, among: Iterable[str]) -> Values:
        """A quantile of a histogram, by step; None where nothing was measured."""
        labels = list(among)
        return [
            quantile(
                share, {label: self._cells[name][label][at].sum for label in labels if at in self._cells[name][label]}
            )
            for at in range(self.count)
        ]

    def whole_quantile(self, name: str, share: float, among: Iterable[str]) -> float | None:
        """The same of the whole time."""
        return quantile(share, {label: self.total(name, [label]) for label in among})

    def at(self, name: str, label: str, step: int) -> float:
        """The sum of one step."""
        cell = self._cells[name][label].get(step)
        return cell.sum if cell else 0.0

    def last(self, name: str, label: str) -> float:
        """The newest value; 0 if there is none."""
        cells = self._cells[name][label]
        return cells[max(cells)].most if cells else 0.0

    def _by_step(self, name: str, labels: Iterable[str], value: Any) -> Values:
        wanted = list(labels)
        return [
            value([self._cells[name][label][at] for label in wanted if at in self._cells[name][label]], minutes)
            if minutes
            else None
            for at, minutes in enumerate(self.minutes)
        ]


def quantile(share: float, buckets: Mapping[str, float]) -> float | None:
    """The bound below which this share of a histogram lies, in seconds, linearly within its bucket; None if it is
    empty."""
    counts: dict[float, float] = defaultdict(float)
    for label, count in buckets.items():
        counts[float(label.rpartition(" ")[2])] += count
    wanted, below, lower = share * sum(counts.values()), 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count and below + count >= wanted:
            return lower if bound == float("inf") else lower + (bound - lower) * (wanted - below) / count
        below, lower = below + count, bound
    return None


def lines(rolled: Rolled) -> list[MeasuredLine]:
    """Every line of every chart."""
    attempts, streams = rolled.labels("attempts"), rolled.labels("streams")
    durable = [one for one in rolled.labels("effect_seconds") if not one.startswith("internal ")]
    requests = rolled.labels("request_seconds")

    def ended(outcome: str) -> list[str]:
        return [one for one in attempts if one.endswith(f" {outcome}")]

    return [
        MeasuredLine("changes", "", rolled.per_minute("changes", [""])),
        *(
            MeasuredLine("effects", one, rolled.per_minute("attempts", ended(one)))
            for one in ("succeeded", "retry", "dead")
        ),
        *(
            MeasuredLine("effect_seconds", f"p{share}", rolled.quantile("effect_seconds", share / 100, durable))
            for share in (50, 95)
        ),
        *(
            MeasuredLine("request_seconds", f"p{share}", rolled.quantile("request_seconds", share / 100, requests))
            for share in (50, 95)
        ),
        MeasuredLine("waiting", "", rolled.most("waiting", rolled.labels("waiting"), add=True)),
        MeasuredLine("oldest", "", rolled.most("oldest", rolled.labels("oldest"), add=False)),
        MeasuredLine("dead", "", rolled.most("dead", [""], add=True)),
        *(MeasuredLine("streams", role, rolled.per_minute("streams", [role])) for role in streams),
        *(MeasuredLine("opened", way, rolled.per_minute("opened", [way])) for way in ("new", "resumed")),
        MeasuredLine("dropped", "", rolled.per_minute("closed", [SLOW])),
    ]


def kinds(rolled: Rolled) -> list[KindSummary]:
    """Each kind of effect that did something in this time, waits, or has dead letters."""
    dead: dict[str, int] = {row[0]: row[1] for row in db.session.execute(DEAD)}
    busy = {label.rpartition(" ")[0] for label in rolled.labels("attempts")}
    names = sorted({*busy, *dead, *rolled.labels("waiting")} - {"outbox"})
    return [_summary(rolled, kind, dead.get(kind, 0)) for kind in names]


def _summary(rolled: Rolled, kind: str, dead: int) -> KindSummary:
    def attempts(outcome: str) -> float:
        return rolled.total("attempts", [f"{kind} {outcome}"])

    succeeded, ended = attempts("succeeded"), attempts("succeeded") + rolled.total("deaths", [kind])
    measured = [one for one in rolled.labels("effect_seconds") if one.rpartition(" ")[0] == kind]
    p50, p95, p99 = (rolled.whole_quantile("effect_seconds", share, measured) for share in (0.5, 0.95, 0.99))
    return KindSummary(
        kind,
        succeeded / max(1, sum(rolled.minutes)),
        100 * succeeded / ended if ended else None,
        p50,
        p95,
        p99,
        int(attempts("retry")),
        int(rolled.last("waiting", kind)),
        dead,
    )


def streams(rolled: Rolled) -> StreamCounts:
    """The streams that are open, and what became of others."""
    newest = max((at for at, minutes in enumerate(rolled.minutes) if minutes), default=0)
    return StreamCounts(
        int(rolled.at("processes", "", newest)),
        {role: int(count) for role in rolled.labels("streams") if (count := rolled.at("streams", role, newest))},
        {way: int(rolled.total("opened", [way])) for way in ("new", "resumed")},
        {reason: int(rolled.total("closed", [reason])) for reason in rolled.labels("closed")},
    )
