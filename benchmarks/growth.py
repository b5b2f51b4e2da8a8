"""The effect of a hundred times as many orders, and of a million entries of another process, on the response time."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import psycopg2

from benchmarks.contender import HttpContender, gunicorn
from benchmarks.database import Database, Server
from benchmarks.picture import Bars, Group
from benchmarks.report import LEGEND, Report, figure, load_average, markdown, method, table
from benchmarks.slices import Pace, Results, interleave, running
from side_effects.liveness import PROCESS_LOCKS

LEVELS = (1,)
TIMES = 100
BACKLOG = 1_000_000
FOREIGN_OWNER = 2_000_000_000
"""A process number that no server of ours gets; the benchmark holds its lock, so that it counts as live."""

FILL = f"""
INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
SELECT 'order', -n, -n, 63, '', {FOREIGN_OWNER}, clock_timestamp() + interval '1 day'
FROM generate_series(1, {{count}}) AS n
"""
"""Of orders that are not changed: an earlier entry of an order is completed with the next one."""


@dataclass
class OnlyInItsTurn(HttpContender):
    """A server that runs in its own slices only: scanning a million entries a second burdens the others."""

    def start(self) -> None:
        """Wait for the first turn."""

    def wait_until_ready(self) -> None:
        """Wait for the first turn."""

    def prepare(self) -> None:
        super().prepare()
        super().start()
        super().wait_until_ready()

    def rest(self) -> None:
        self.stop()


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure three databases of different size, one request at a time."""
    many = orders * TIMES
    backlog = min(BACKLOG, many)
    few, plenty, burdened = f"{orders:,} orders", f"{many:,} orders", f"the same and {backlog:,} entries"
    databases = [server.create("few", orders), server.create("plenty", many)]
    databases.append(server.create("burdened", many, like=databases[1]))
    names = (few, plenty, burdened)
    contenders = [
        OnlyInItsTurn(name, one, command=gunicorn("benchmarks.counting_wsgi"))
        for name, one in zip(names, databases, strict=True)
    ]
    before = load_average()
    with closing(_hold(databases[2], backlog)), running(contenders):
        results = interleave(server, contenders, LEVELS, pace)
    report.add(
        _ratios(results, names),
        table(results, contenders, LEVELS),
        "The entries are leased to a live process that does nothing, so that no other takes them over; each server "
        "still scans them once a second. Here each server runs in its own slices only.",
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )
    report.pictures.append(_picture(results, names))


def _hold(database: Database, backlog: int) -> psycopg2.extensions.connection:
    """Fill the outbox with entries of another process, and hold its lock."""
    database.run(FILL.format(count=backlog))
    database.run("VACUUM ANALYZE outbox")
    database.old_entries = int(database.run("SELECT max(id) FROM outbox")[0][0])
    connection = psycopg2.connect(database.dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({PROCESS_LOCKS}, {FOREIGN_OWNER})")
    return connection


def _ratios(results: Results, names: tuple[str, ...]) -> str:
    rows = [
        (
            name,
            f"{results.median(name, 1, lambda one: one.load.p50) * 1000:.2f}",
            figure(results.ratio(name, names[0], 1, lambda one: one.load.p50)),
        )
        for name in names
    ]
    return markdown(("", "p50 ms", "of the first"), rows)


def _picture(results: Results, names: tuple[str, ...]) -> Bars:
    groups = []
    for name in names:
        p50 = results.median(name, 1, lambda one: one.load.p50) * 1000
        groups.append(Group(name, [(p50, f"{p50:.2f} ms")]))
    return Bars("bench-growth", "Median time of a PATCH, one at a time, as the database grows", ("p50",), groups)
