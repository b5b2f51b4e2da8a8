"""Run one experiment and print the results; with `--write`, put them into docs/benchmarks.md too."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import (
    against,
    arena,
    burst,
    clients,
    growth,
    hanging,
    importing,
    lists,
    mails,
    modes,
    operators,
    realtime,
    replay,
    tokens,
    webhooks,
    workers,
)
from benchmarks.client import STRIDE
from benchmarks.contender import BenchmarkError
from benchmarks.database import Server
from benchmarks.report import begin
from benchmarks.slices import Pace
from foundation import clock
from launch.errors import LaunchError

Experiment = Callable[..., None]
"""Takes the server, the report to fill, the pace, the number of orders, and what else the command line says."""


@dataclass(frozen=True)
class Entry:
    """An experiment, and its default options."""

    run: Experiment
    pace: Pace
    quick: Pace
    orders: int = 10_000
    quick_orders: int = 10_000


QUICK = Pace(2, 1.0)
EXPERIMENTS = {
    "modes": Entry(modes.run, Pace(5, 2.5), QUICK),
    "arena": Entry(arena.run, Pace(5, 2.5), QUICK),
    "growth": Entry(growth.run, Pace(7, 2.5, warmup=1.0), QUICK, quick_orders=1_000),
    "lists": Entry(lists.run, Pace(7, 0), Pace(3, 0), quick_orders=100 + 1),
    "import": Entry(importing.run, Pace(1, 0), Pace(1, 0), quick_orders=1_000),
    "operators": Entry(operators.run, Pace(7, 0), Pace(2, 0), quick_orders=101),
    "realtime": Entry(realtime.run, Pace(5, 2.0, warmup=0.5), QUICK),
    "replay": Entry(replay.run, Pace(5, 1.0), QUICK, quick_orders=1_000),
    "workers": Entry(workers.run, Pace(7, 2.5, warmup=0.5), QUICK),
    "hanging": Entry(hanging.run, Pace(7, 2.5), QUICK),
    "burst": Entry(burst.run, Pace(7, 0), Pace(1, 0), quick_orders=101),
    "mails": Entry(mails.run, Pace(7, 1.0), Pace(2, 0.3), quick_orders=101),
    "clients": Entry(clients.run, Pace(5, 2.5), QUICK),
    "tokens": Entry(tokens.run, Pace(7, 2.5), QUICK, orders=tokens.ORDERS, quick_orders=tokens.ORDERS),
    "webhooks": Entry(webhooks.run, Pace(5, 4.0), QUICK),
    "against": Entry(against.run, Pace(7, 2.5), QUICK),
}


def main(arguments: Sequence[str]) -> int:
    """Run what the command line requests; return the exit status."""
    asked = _parser().parse_args(arguments)
    entry, against_it = EXPERIMENTS[asked.experiment], asked.experiment == "against"
    if asked.ref and not against_it:
        print(f"Only `against` takes a commit, not `{asked.experiment}`.", file=sys.stderr)
        return 2
    usual = entry.quick if asked.quick else entry.pace
    pace = Pace(asked.slices or usual.slices, asked.seconds or usual.seconds, usual.warmup)
    orders = asked.orders or (entry.quick_orders if asked.quick else entry.orders)
    if orders % STRIDE == 0:
        print(f"The number of orders may not be a multiple of {STRIDE}.", file=sys.stderr)
        return 2
    command = shlex.join(["python", "-m", "benchmarks", *(one for one in arguments if one != "--write")])
    began = clock.now()
    try:
        with Server() as server:
            report = begin(asked.experiment, command, began, server, asked.quick)
            entry.run(server, report, pace, orders, *([asked.ref or "HEAD"] if against_it else ()))
        print(report)
        if asked.write:
            report.write()
        if report.missed and not asked.quick:
            raise BenchmarkError(f"A target was missed: {report.missed}")
    except (BenchmarkError, LaunchError) as problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("experiment", nargs="?", default="modes", choices=EXPERIMENTS)
    parser.add_argument("ref", nargs="?", help="the commit that `against` measures against (HEAD)")
    parser.add_argument("--quick", action="store_true", help="only show that it works")
    parser.add_argument("--write", action="store_true", help="put the results into docs/benchmarks.md")
    parser.add_argument("--slices", type=int, help="turns of each contender at each level of concurrency")
    parser.add_argument("--seconds", type=float, help="length of a turn")
    parser.add_argument("--orders", type=int, help="orders in each database")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
