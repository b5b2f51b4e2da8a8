"""R31: orders move on when their e-mail is due, and 100,000 e-mails are due that nobody wants any more."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import gevent
import orjson
from gevent.pool import Pool

from chaos.database import Server
from chaos.load import Load, Order
from chaos.report import Report, percentile
from chaos.world import World
from orders.workflow_file import DEFAULT

WAIT_SECONDS = 2
AROUND_THE_END = (1.7, 2.9)
"""When the order moves on, in seconds after the change: each process looks twice a second for what is due."""

UNDER_WAY_SECONDS = 1.0
"""An attempt that has begun is not stopped: its e-mail may arrive so much after the order has moved on."""

WAITED = "SELECT id, order_id FROM order_events WHERE to_status = 'CONFIRMED'"
SUPERSEDED = """SELECT event_id FROM side_effects WHERE kind = 'email.status' AND status = 'superseded'
    AND last_error = 'the order moved on before it was due'"""

DUE_AT_ONCE = """WITH placed AS (
    INSERT INTO orders (number, status, version, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor,
        currency)
    SELECT 'W-' || n, 'CONFIRMED', 2, 1, 1, 'Alice', 'alice@example.org', '[]', 1, 'EUR'
    FROM generate_series(1, %s) AS n RETURNING id),
confirmed AS (
    INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, seller_id, buyer_id,
        idempotency_key, request_id)
    SELECT id, 2, 'order.status_changed', 'CONFIRMED', 'seller', 1, 1, 1, 'w-' || id, '' FROM placed
    RETURNING id, order_id),
moved AS (
    INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, seller_id, buyer_id,
        idempotency_key, request_id)
    SELECT order_id, 3, 'order.status_changed', 'PREPARING', 'seller', 1, 1, 1, 'm-' || order_id, '' FROM confirmed
    WHERE mod(order_id, 2) = 0),
seen AS (
    INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body, read_at)
    SELECT id, order_id, 'status', 'buyer', 1, 'Confirmed', '', clock_timestamp() FROM confirmed
    WHERE mod(order_id, 2) = 1)
INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, scheduled_at)
SELECT 'email.status', 'mail-server', 'order', id, order_id, clock_timestamp() + interval '1 h' FROM confirmed"""
DUE = "UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE status = 'pending' AND event_type = 'order'"
UNWANTED = "SELECT id FROM order_events WHERE idempotency_key LIKE 'w-%'"
DONE = """SELECT NOT EXISTS (SELECT FROM side_effects s WHERE status IN ('pending', 'running')
    AND kind = 'email.status'
    AND (SELECT number FROM orders o WHERE o.id = s.order_id) LIKE 'W-%')"""
"""Those of the changes that are made beside them are due all the time."""


@dataclass
class Races:
    """When each order had moved on, by the answer."""

    moved: dict[int, float] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)


def nothing_is_sent_that_is_not_due(server: Server, report: Report) -> None:
    """Races for each order, and then many rows that end superseded, beside other changes."""
    with _table() as path, World(server, report, ORDER_WORKFLOW=path) as world:
        _race_all(world, *report.either((60, 60), (10_000, 250)))
        _supersede_many(world, report.either(2_000, 100_000), *report.either((200, 100.0), (6_000, 150.0)))


def _race_all(world: World, count: int, at_once: int) -> None:
    report, races, pool = world.report, Races(), Pool(at_once)
    for order in world.orders(count):
        pool.spawn(_race, world, order, races)
    pool.join(raise_error=True)
    report.check("undone work left after", world.drain(), at_most=90, unit="s")
    waited = dict(world.database.sql(WAITED))
    superseded = {id for (id,) in world.database.sql(SUPERSEDED)}
    sent = Counter(id for id in world.mails.events() if id in waited)
    late = [at - races.moved[waited[id]] for id, at in world.mails.accepted() if id in waited]
    report.tell("orders that moved on when their e-mail was due", len(waited))
    report.check("of these superseded", len(superseded), at_least=1)
    report.check("of these sent before", len(sent), at_least=1)
    report.check("answers but 200", races.statuses.total() - races.statuses[200], at_most=0)
    report.check("sent and superseded", len(sent.keys() & superseded), at_most=0)
    report.check("neither sent nor superseded", len(waited.keys() - sent.keys() - superseded), at_most=0)
    report.check("sent twice", sum(times > 1 for times in sent.values()), at_most=0)
    report.check("sent after the order had moved on", sum(one > UNDER_WAY_SECONDS for one in late), at_most=0)
    report.tell("the latest e-mail after its order moved on", 1000 * max(late, default=0.0), "ms")


def _race(world: World, order: Order, races: Races) -> None:
    _change(world, order, "CONFIRMED", races)
    gevent.sleep(world.report.rng.uniform(*AROUND_THE_END))
    _change(world, order, "PREPARING", races)
    races.moved[order.id] = time.time()


def _supersede_many(world: World, count: int, changes: int, per_second: float) -> None:
    report = world.report
    usual = _p99(world, changes, per_second)
    world.drain()  # what is due is done in its order: these mails would come first
    world.database.sql(DUE_AT_ONCE, count)
    load = world.load(changes, per_second, moves=("CONFIRMED",))
    load.start(clients=8)
    world.database.sql(DUE)
    report.tell("e-mails that are due and not wanted any more", count)
    report.check("done after", world.database.seconds_until(DONE, 120), "s", at_most=60)
    load.wait()
    mixed = percentile([one.seconds for one in load.acknowledged], 0.99)
    if not report.fast:
        report.check("PATCH p99 beside it ÷ usual", mixed / usual, at_most=1.5)
    unwanted = {id for (id,) in world.database.sql(UNWANTED)}
    report.check("e-mails sent of these", len(unwanted & set(world.mails.events())), at_most=0)


def _p99(world: World, changes: int, per_second: float) -> float:
    load: Load = world.load(changes, per_second, moves=("CONFIRMED",))
    load.start(clients=8)
    load.wait()
    return percentile([one.seconds for one in load.acknowledged], 0.99)


@contextmanager
def _table() -> Iterator[str]:
    """A table in which CONFIRMED waits for two seconds, and PREPARING is not told by e-mail."""
    ways = {"CONFIRMED": f'["inbox", "email after {WAIT_SECONDS} seconds unless seen"]', "PREPARING": '["inbox"]'}
    text = DEFAULT.read_text()
    for status, named in ways.items():
        text = text.replace(f"[statuses.{status}]\n", f"[statuses.{status}]\nways.buyer = {named}\n")
    with tempfile.TemporaryDirectory(prefix="onward-chaos-") as folder:
        path = Path(folder) / "workflow.toml"
        path.write_text(text)
        yield str(path)


def _change(world: World, order: Order, status: str, races: Races) -> None:
    headers = {
        "Authorization": f"Bearer {world.service.token('seller', order.seller)}",
        "Content-Type": "application/json",
    }
    client = HTTPConnection("127.0.0.1", world.service.port, timeout=30)
    try:
        client.request("PATCH", f"/api/orders/{order.id}/status", orjson.dumps({"status": status}), headers)
        races.statuses[client.getresponse().status] += 1
    except (OSError, HTTPException):
        races.statuses[0] += 1
    finally:
        client.close()
