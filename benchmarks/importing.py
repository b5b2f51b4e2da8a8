"""An import of many orders with their history: its time, what others notice, and how the next changes fare."""

from __future__ import annotations

import http.client
import statistics
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from access.principal import Role
from access.tokens import Tokens
from benchmarks.contender import BenchmarkError, HttpContender, ours
from benchmarks.database import SELLERS, Database, Server
from benchmarks.report import Report, figure, load_average, markdown
from benchmarks.slices import Pace, running
from foundation import clock
from foundation.settings import Settings

TIMES = 10
"""Orders that are imported, for each of those that are there before."""

BOUND_SECONDS = 120
STILL_MS = 250
"""How long no other request may wait, and as many ms the effects of a change afterwards may take longer than before."""

MOVES = 1_000
BATCH = 100
LIFE = ("PENDING", "CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED", "COMPLETED")
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)

SINCE = """SELECT coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM n.created_at - e.at)), 0)
    FROM order_events e JOIN notifications n ON n.event_id = e.id AND n.kind = 'generic' WHERE e.id > {}"""
"""Seconds from a change to its effects, which 99 of 100 do not exceed."""


def run(server: Server, report: Report, _pace: Pace, orders: int) -> None:
    """Import, while another client asks for orders; then change some of the imported ones."""
    count = orders * TIMES
    database = server.create("import", orders)
    service = ours("import", database, "wsgi")
    before = load_average()
    with running([service]):
        usual = _change(service, database, "SELECT id FROM orders ORDER BY id LIMIT {}", "CONFIRMED")
        with _Beside(service) as beside:
            seconds, summary = _import(service, count)
        later = _change(
            service, database, "SELECT id FROM orders WHERE status = 'CONFIRMED' ORDER BY id DESC LIMIT {}", "PREPARING"
        )
    if summary["created"] != count:
        raise BenchmarkError(f"Not everything was imported: {summary}")
    ((events,),) = database.run("SELECT count(*) FROM order_events WHERE idempotency_key LIKE 'import %'")
    _tell(report, count, events, seconds, beside.waits, (usual, later))
    report.add(f"Load average {before:.1f} before and {load_average():.1f} after.")
    late = later * 1000 > usual * 1000 + STILL_MS
    if seconds > BOUND_SECONDS or max(beside.waits) > STILL_MS or late:
        report.missed = f"{seconds:.0f} s, {max(beside.waits):.0f} ms, {usual:.3f} s and {later:.3f} s"


def _tell(
    report: Report, count: int, events: int, seconds: float, waits: list[float], effects: tuple[float, float]
) -> None:
    rows = [
        ("orders imported, with their events", f"{count:,}, {events:,}"),
        (f"seconds (at most {BOUND_SECONDS})", figure(seconds)),
        ("orders a second", figure(count / seconds)),
        ("ms that a list took another client meanwhile, median", figure(statistics.median(waits))),
        (f"the slowest of {len(waits):,} (at most {STILL_MS})", figure(max(waits))),
        ("ms from a change to its effects before the import, p99", figure(effects[0] * 1000)),
        (f"the same of {MOVES:,} imported orders right after it", figure(effects[1] * 1000)),
    ]
    report.add(markdown(("", ""), rows))


def lines(count: int) -> Iterator[bytes]:
    """A thousand orders in each piece; one of six is still open."""
    for first in range(0, count, 1_000):
        yield b"".join(orjson.dumps(_order(number)) + b"\n" for number in range(first, min(first + 1_000, count)))


def _order(number: int) -> dict[str, Any]:
    begun = FIRST_DAY + timedelta(seconds=37 * number)
    through = len(LIFE) if number % 6 else 2
    mug = {"sku": f"MUG-{number % 97}", "title": "Stoneware mug", "quantity": 2, "unit_price_minor": 1850}
    tea = {
        "sku": f"TEA-{number % 97}",
        "title": "Darjeeling first flush, 250 g",
        "quantity": 1,
        "unit_price_minor": 2490,
    }
    return {
        "external_id": f"shop-{number}",
        "number": f"I-{number}",
        "seller_id": 1 + number % SELLERS,
        "buyer_id": 1 + number % 1000,
        "currency": "EUR",
        "buyer_name": f"Buyer {number % 1000} of Family {number % 2003}",
        "buyer_email": f"buyer{number % 1000}@example.com",
        "items": [mug, tea],
        "history": [
            {"status": status, "at": (begun + timedelta(hours=hours)).isoformat()}
            for hours, status in enumerate(LIFE[:through])
        ],
    }


def _import(service: HttpContender, count: int) -> tuple[float, dict[str, Any]]:
    headers = {**_headers(service, "service"), "Content-Type": "application/x-ndjson"}
    began = clock.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=600)) as connection:
        connection.request("POST", "/api/orders/import", lines(count), headers)
        answer = connection.getresponse()
        last = answer.read().splitlines()[-1]
    return clock.monotonic() - began, orjson.loads(last)


def _change(service: HttpContender, database: Database, chosen: str, status: str) -> float:
    """Change some orders in batches; returns how long 99 of 100 waited for their effects, in seconds."""
    ((newest,),) = database.run("SELECT coalesce(max(id), 0) FROM order_events")
    ids = [id for (id,) in database.run(chosen.format(MOVES))]
    headers = {**_headers(service, "operator"), "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)) as connection:
        for first in range(0, len(ids), BATCH):
            changes = [{"order_id": id, "status": status} for id in ids[first : first + BATCH]]
            connection.request("POST", "/api/orders/status-changes", orjson.dumps({"changes": changes}), headers)
            answer = orjson.loads(connection.getresponse().read())
            if answer.get("refused") != 0:
                raise BenchmarkError(f"Changes were refused: {answer}")
    while not database.has_nothing_pending:
        threading.Event().wait(0.05)
    ((seconds,),) = database.run(SINCE.format(newest))
    return float(seconds)


class _Beside:
    """Another client, which asks for the newest orders all the time."""

    def __init__(self, service: HttpContender) -> None:
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.waits: list[float] = []

    def __enter__(self) -> _Beside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        headers = _headers(self._service, "seller")
        with closing(http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=60)) as connection:
            while not self._over.wait(0.02):
                began = clock.monotonic()
                connection.request("GET", "/api/orders?limit=20", headers=headers)
                connection.getresponse().read()
                self.waits.append((clock.monotonic() - began) * 1000)


def _headers(service: HttpContender, role: Role) -> dict[str, str]:
    tokens = Tokens.of(Settings.from_env(service.database.environment()))
    return {"Authorization": f"Bearer {tokens.issue(role, 1)}"}
