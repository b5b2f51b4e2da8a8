"""The report of a run: a table for the terminal, and the same table for docs/benchmarks.md."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from benchmarks.contender import BenchmarkError, Contender
from benchmarks.database import PROJECT, Server
from benchmarks.machine import NOISY_SHARE, facts
from benchmarks.picture import Bars
from benchmarks.slices import Pace, Results, Slice

DOCUMENT = PROJECT / "docs" / "benchmarks.md"
PICTURES = PROJECT / "docs" / "pictures"

HEAD = ("", "at once", "req/s", "p50 ms", "p99 ms", "done/s", "done after s", "CPU us", "client", "others", "noisy")
LEGEND = (
    "`done/s`: changes a second until all of their effects were done and counted. `done after`: from the last answer "
    "until then. `CPU us`: of the server + of PostgreSQL, for each change with its effects. `client`: the load "
    "client's share of one core. `others`: the share of the machine that went to processes that are not the "
    f"benchmark's, median and worst slice. `noisy`: slices in which that was above {NOISY_SHARE:.0%}. "
    "Medians over the slices."
)


@dataclass
class Report:
    """One experiment's results, ready to be printed and written."""

    name: str
    command: str
    began: datetime
    machine: str
    paragraphs: list[str] = field(default_factory=list)
    pictures: list[Bars] = field(default_factory=list)
    smoke: bool = False
    missed: str = ""
    """The target that was missed, which makes the run fail once it is printed; empty if there is none."""

    def add(self, *paragraphs: str) -> None:
        self.paragraphs += paragraphs

    def __str__(self) -> str:
        first = f"Run of {self.began:%Y-%m-%d %H:%M} UTC by `{self.command}` on {self.machine}."
        if self.smoke:
            first = f"A quick run: it shows that the benchmark works, its numbers mean nothing. {first}"
        return "\n\n".join([first, *self.paragraphs])

    def write(self) -> None:
        """Write the results into the document and the pictures beside it."""
        if self.smoke:
            raise BenchmarkError("A quick run is not written down.")
        begin, end = f"<!-- begin {self.name} -->", f"<!-- end {self.name} -->"
        before, found, rest = DOCUMENT.read_text("utf-8").partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise BenchmarkError(f"docs/benchmarks.md has no place for it: {begin} ... {end}")
        DOCUMENT.write_text(f"{before}{begin}\n{self}\n{end}{after}", "utf-8")
        for picture in self.pictures:
            (PICTURES / f"{picture.name}.svg").write_text(picture.svg(), "utf-8")


def begin(name: str, command: str, began: datetime, server: Server, smoke: bool = False) -> Report:
    """A report that knows where and when it began."""
    return Report(name, command, began, facts(server.version), smoke=smoke)


def table(results: Results, contenders: Sequence[Contender], levels: Sequence[int]) -> str:
    """All contenders at all levels."""
    rows = [_row(results.of(one.name, level)) for level in levels for one in contenders]
    return markdown(HEAD, rows)


def _row(slices: Sequence[Slice]) -> tuple[str, ...]:
    def median(values: Iterable[float]) -> float:
        return statistics.median(values)

    changes = [(one, max(one.load.committed, 1)) for one in slices]
    server = median(one.usage.server / count * 1e6 for one, count in changes)
    postgres = median(one.usage.postgres / count * 1e6 for one, count in changes)
    others = [one.usage.foreign for one in slices]
    return (
        slices[0].contender,
        str(slices[0].concurrency),
        figure(median(one.load.rate for one in slices)),
        f"{median(one.load.p50 * 1000 for one in slices):.2f}",
        f"{median(one.load.p99 * 1000 for one in slices):.2f}",
        figure(median(one.sustained for one in slices)),
        f"{median(one.done_after for one in slices):.2f}",
        f"{server:,.0f} + {postgres:,.0f}",
        f"{median(one.load.busy for one in slices):.0%}",
        f"{median(others):.0%}, {max(others):.0%}",
        f"{sum(one.noisy for one in slices)} of {len(slices)}",
    )


def figure(value: float) -> str:
    """Three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that can be read in the terminal too."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (head, *rows)
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def method(results: Results, pace: Pace, orders: int, loads: tuple[float, float]) -> str:
    """The method, and how quiet the machine was."""
    return (
        f"{orders:,} orders; {pace.slices} slices of {pace.seconds:g} s for each line, in rotation; "
        f"{results.committed:,} changes in all, every one answered with 200, every resulting row counted, every "
        f"outbox empty at the end. {results.noisy} of {len(results.slices)} slices were noisy; load average "
        f"{loads[0]:.1f} before and {loads[1]:.1f} after."
    )


def load_average() -> float:
    """Runnable processes in the last minute."""
    return os.getloadavg()[0]
