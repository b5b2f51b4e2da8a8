"""How clients send: a request in one piece, its head and body apart as most do, and through `requests.Session`."""

from __future__ import annotations

from benchmarks.contender import HttpContender, gunicorn
from benchmarks.database import Server
from benchmarks.report import LEGEND, Report, figure, load_average, markdown, method, table
from benchmarks.slices import Pace, Results, interleave, running

LEVELS = (1, 8, 32)
ONE, TWO, SESSION = "in one piece", "in two segments", "requests.Session"
NEAR = 0.85
"""The minimum ratio of rates, two segments to one piece."""


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure the same service, loaded by each of these clients."""
    template = server.create("template", orders)
    clients = {ONE: ("client.py", 1), TWO: ("client.py", 2), SESSION: ("session_client.py", 2)}
    contenders = [
        HttpContender(
            name,
            server.create(f"client{number}", orders, like=template),
            command=gunicorn("wsgi"),
            client=client,
            segments=segments,
        )
        for number, (name, (client, segments)) in enumerate(clients.items())
    ]
    before = load_average()
    with running(contenders):
        results = interleave(server, contenders, LEVELS, pace)
    report.add(
        "Two segments as a multiple of one piece:",
        _ratios(results),
        table(results, contenders, LEVELS),
        "A `requests.Session` takes most of a core for itself, so its rates are its own.",
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )


def _ratios(results: Results) -> str:
    rows = []
    for level in LEVELS:
        rate = results.ratio(TWO, ONE, level, lambda one: one.load.rate)
        p50 = results.ratio(TWO, ONE, level, lambda one: one.load.p50)
        done = results.ratio(TWO, ONE, level, lambda one: one.sustained)
        verdict = "within 15 %" if rate >= NEAR else "MISSED"
        rows.append((str(level), figure(rate), figure(p50), figure(done), verdict))
    return markdown(("at once", "req/s", "p50", "done/s", "verdict on the rate"), rows)
