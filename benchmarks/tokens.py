"""Many active tokens beside few: does a request stay cheap when its token was not used for a while?"""

from __future__ import annotations

from benchmarks.contender import HttpContender, Load, gunicorn
from benchmarks.database import SELLERS, Server
from benchmarks.report import LEGEND, Report, figure, load_average, markdown, method, table
from benchmarks.slices import Pace, Results, interleave, running

LEVELS = (32,)
FEW, MANY, MOST = SELLERS, 6_000, 24_000
"""Clients with a token each. The last are more than a process caches."""

ORDERS = 24_000
"""A multiple of all three. A client comes back to a token after all others, so a queue of the newest never holds it."""

STEP = 7
"""Each slice begins about where the one before has ended, instead of with the tokens that it has just used."""

TARGET = 0.90
"""The minimum of done/s with many tokens, as a share of that with few. With most, there is none."""


class Clients(HttpContender):
    """A service whose clients take turns, over all slices."""

    def load(self, concurrency: int, warmup: float, seconds: float, number: int) -> Load:
        return super().load(concurrency, warmup, seconds, STEP * number)


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure services that differ only in how many tokens their clients have; all are tokens of the same sellers."""
    template = server.create("template", orders)
    contenders = [
        Clients(
            _name(count),
            server.create(f"tokens{count}", orders, like=template),
            command=gunicorn("benchmarks.counting_wsgi"),
            tokens=count,
        )
        for count in (FEW, MANY, MOST)
    ]
    before = load_average()
    with running(contenders):
        results = interleave(server, contenders, LEVELS, pace)
    rows = [_row(results, count, report) for count in (MANY, MOST)]
    report.add(
        f"As a multiple of the figures with {_name(FEW)}:",
        markdown(("", "done/s", "p50", "CPU us of the server", f"the target for done/s is {TARGET}"), rows),
        table(results, contenders, LEVELS),
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )


def _row(results: Results, count: int, report: Report) -> tuple[str, ...]:
    few, many, level = _name(FEW), _name(count), LEVELS[0]
    done = results.ratio(many, few, level, lambda one: one.sustained)
    p50 = results.ratio(many, few, level, lambda one: one.load.p50)
    cost = results.ratio(many, few, level, lambda one: one.usage.server / one.load.committed)
    if count == MANY and done < TARGET:
        report.missed = f"{many} reach {figure(done)} times the rate of {few}; the minimum is {TARGET}."
    verdict = "" if count != MANY else "MISSED" if report.missed else "reached"
    return many, figure(done), figure(p50), figure(cost), verdict


def _name(tokens: int) -> str:
    return f"{tokens:,} tokens"
