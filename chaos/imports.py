"""R26: an import of many orders, followed at once by changes of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import gevent
import orjson

from chaos.database import Server
from chaos.report import Report
from chaos.world import SIDES, World
from foundation import clock

KNOWN_BEFORE = 170
"""Orders in PostgreSQL's statistics: plans that are right for these read whole tables."""

TABLES = (
    "orders, order_events, order_reasons, outbox, side_effects, notifications, messages, "
    "realtime_packs, realtime_events"
)

MOVES = ("CONFIRMED", "PREPARING", "READY")
BATCH = 100

SINCE = """SELECT coalesce(percentile_cont(%s) WITHIN GROUP (ORDER BY extract(epoch FROM n.created_at - e.at)), 0)
    FROM order_events e JOIN notifications n ON n.event_id = e.id AND n.kind = 'generic' WHERE e.id > %s"""
"""Seconds from a change to its effects, for this share of all changes with an event."""

WITHOUT = """SELECT count(*) FROM order_events e WHERE e.id > %s
    AND (SELECT count(*) FROM notifications n WHERE n.event_id = e.id AND n.kind = 'generic')
        <> CASE WHEN e.actor_role IN ('buyer', 'seller') THEN 1 ELSE 2 END"""


def bulk_import(server: Server, report: Report) -> None:
    """R26: 10,000 orders (fast: 1,000); no statistics are refreshed but by the import itself."""
    count, per_second = report.either((1_000, 1_000), (10_000, 400))
    with World(server, report, mail=False) as world:
        _learn_a_little(world)
        begun = clock.monotonic()
        orders = _import(world, count)
        report.check("orders that were not imported", count - len(orders), at_most=0)
        report.tell("orders imported", count)
        report.tell("the import took", clock.monotonic() - begun, "s")
        placed = world.database.number("SELECT max(id) FROM order_events")
        begun, refused = clock.monotonic(), 0
        for status in MOVES:
            refused += _move(world, orders, status, per_second)
        report.tell("changes at once afterwards", count * len(MOVES))
        report.tell("the changes took", clock.monotonic() - begun, "s")
        report.check("changes that were refused", refused, at_most=0)
        report.check("drained in the end after", world.drain(), "s", at_most=10)
        _tell(world, placed)


def _learn_a_little(world: World) -> None:
    """Have PostgreSQL analyse a few orders, and nothing more afterwards."""
    load = world.load(KNOWN_BEFORE, moves=MOVES[:1])
    load.start(clients=4)
    load.wait()
    world.drain()
    for table in TABLES.split(", "):
        world.database.sql(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    world.database.sql(f"ANALYZE {TABLES}")


def _tell(world: World, placed: int) -> None:
    report = world.report
    missing = world.database.number(WITHOUT, placed)
    report.check("changes without their generic notifications, or with more", missing, at_most=0)
    failed = sum(map(world.service.log.count, ("outbox.batch_failed", "outbox.database_unavailable")))
    report.check("batches that did not end in time", failed, at_most=report.either(2, 0))
    for share in (0.5, 0.99, 1.0):
        name = f"seconds from a change to its effects, p{100 * share:g}"
        ((seconds,),) = world.database.sql(SINCE, share, placed)
        if share == 0.99:
            report.check(name, float(seconds), "s", at_most=1)
        else:
            report.tell(name, float(seconds), "s")


def _import(world: World, count: int) -> list[int]:
    token = world.service.token("service", 1)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    connection = HTTPConnection("127.0.0.1", world.service.port, timeout=120)
    connection.request("POST", "/api/orders/import", _lines(count), headers)
    *results, _ = [orjson.loads(line) for line in connection.getresponse().read().splitlines()]
    connection.close()
    return [one["id"] for one in results if one["result"] == "created"]


def _lines(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield orjson.dumps(_order(number)) + b"\n"


def _order(number: int) -> dict[str, Any]:
    mug = {"sku": "MUG", "title": "Blue mug", "quantity": 1, "unit_price_minor": 1250}
    return {
        "external_id": f"import-{number}",
        "seller_id": 1 + number % SIDES,
        "buyer_id": 1 + number // 7 % SIDES,
        "currency": "EUR",
        "buyer_name": "Alice Archer",
        "buyer_email": "alice@example.org",
        "items": [mug],
    }


def _move(world: World, ids: list[int], status: str, per_second: float) -> int:
    """Change all of them in batches; returns how many were refused."""
    headers = {"Authorization": f"Bearer {world.service.token('operator', 1)}", "Content-Type": "application/json"}
    connection = HTTPConnection("127.0.0.1", world.service.port, timeout=30)
    done, begun = 0, clock.monotonic()
    for first in range(0, len(ids), BATCH):
        gevent.sleep(max(0.0, begun + first / per_second - clock.monotonic()))
        changes = [{"order_id": id, "status": status} for id in ids[first : first + BATCH]]
        _, said = _post(connection, "/api/orders/status-changes", {"changes": changes}, headers)
        done += sum(one["status"] == 200 for one in said.get("results", ()))
    connection.close()
    return len(ids) - done


def _post(connection: HTTPConnection, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    connection.request("POST", path, orjson.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, orjson.loads(answer.read())
