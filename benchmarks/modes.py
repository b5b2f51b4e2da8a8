"""The gain of moving the effects after the response: the same service in background and in sequential mode."""

from __future__ import annotations

from benchmarks.contender import ours
from benchmarks.costs import COSTS
from benchmarks.database import Server
from benchmarks.picture import Bars, Group
from benchmarks.report import LEGEND, Report, figure, load_average, method, table
from benchmarks.slices import Pace, Results, interleave, running

LEVELS = (1, 32)
ENOUGH = {"SIGNAL_CONCURRENCY": "1000", "QUEUE_LIMIT": "100000"}
"""A receiver that waits 660 ms for each of 1,000 changes a second keeps 660 greenlets waiting."""

TARGET, TARGET_OF_MANY = 500, 20
"""The minimum speed-up of a response in background mode, one at a time; and the minimum ratio of rates with 32 at
once."""


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure both modes with the original handler's waits connected as receivers."""
    template = server.create("template", orders)
    contenders = [
        ours(
            mode, server.create(mode, orders, like=template), "benchmarks.costly_wsgi", SIDE_EFFECTS_MODE=mode, **ENOUGH
        )
        for mode in ("background", "sequential")
    ]
    before = load_average()
    with running(contenders):
        results = interleave(server, contenders, LEVELS, pace)
    report.add(
        table(results, contenders, LEVELS),
        _verdict(results),
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )
    report.pictures.append(_picture(results))


def _verdict(results: Results) -> str:
    faster = results.ratio("sequential", "background", 1, lambda one: one.load.p50)
    more = results.ratio("background", "sequential", 32, lambda one: one.load.rate)
    waits = f"{' + '.join(map(str, COSTS.values()))} = {sum(COSTS.values())} ms"
    return (
        f"The handler's own waits are {waits} for each change. One at a time, the answer in background mode comes "
        f"**{figure(faster)} times faster** (p50; {_judged(faster, TARGET)}). With 32 at once, background mode answers "
        f"{figure(more)} times as many requests a second ({_judged(more, TARGET_OF_MANY)}). "
        "Ratios are medians of the ratios inside each round."
    )


def _judged(ratio: float, target: float) -> str:
    return f"the target is {target}: {'reached' if ratio >= target else 'MISSED'}"


def _picture(results: Results) -> Bars:
    groups = []
    for mode in ("sequential", "background"):
        p50 = results.median(mode, 1, lambda one: one.load.p50) * 1000
        groups.append(Group(mode, [(p50, f"{p50:.1f} ms")]))
    return Bars("bench-modes", "Median time of a PATCH, one at a time, with 660 ms of effects", ("p50",), groups)
