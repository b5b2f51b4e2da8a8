"""Several worker processes on one machine beside one: each has its own batches, and reads what the others append."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.contender import HttpContender, gunicorn
from benchmarks.database import Server
from benchmarks.report import LEGEND, Report, figure, load_average, markdown, method, table
from benchmarks.slices import Pace, Results, interleave, running

LEVELS = (1, 8, 32)
COUNTS = (1, 2)
TARGET = 0.90
"""What two workers have to reach of one worker's changes a second with all effects, 32 at once, on two cores."""

LIVING = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'onward liveness'"""


@dataclass
class Workers(HttpContender):
    """This service with several workers; ready when all of them are."""

    count: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.env = {**self.env, "WEB_CONCURRENCY": str(self.count)}

    def _ready(self) -> bool:
        return super()._ready() and bool(self.database.run(LIVING)[0][0] >= self.count)


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure one worker and two, each with its own database."""
    template = server.create("template", orders)
    contenders = [
        Workers(
            _name(count), server.create(f"workers{count}", orders, like=template), command=gunicorn("wsgi"), count=count
        )
        for count in COUNTS
    ]
    before = load_average()
    with running(contenders):
        results = interleave(server, contenders, LEVELS, pace)
    report.add(
        "As a multiple of one worker's figures:",
        _ratios(results),
        _verdict(results),
        table(results, contenders, LEVELS),
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )


def _name(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"


def _ratios(results: Results) -> str:
    one = _name(1)
    rows = []
    for count in COUNTS[1:]:
        for level in LEVELS:
            done = results.ratio(_name(count), one, level, lambda slice_: slice_.sustained)
            p50 = results.ratio(_name(count), one, level, lambda slice_: slice_.load.p50)
            rows.append((_name(count), str(level), figure(done), figure(p50)))
    return markdown(("", "at once", "done/s", "p50"), rows)


def _verdict(results: Results) -> str:
    reached = results.ratio(_name(2), _name(1), 32, lambda slice_: slice_.sustained)
    return (
        f"With 32 at once, two workers do **{figure(reached)}** times as many changes a second as one "
        f"(the target on two cores is {TARGET}: {'reached' if reached >= TARGET else 'MISSED'})."
    )
