"""R30: changes are corrected at the moment at which their hold ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

import gevent
import orjson
from gevent.pool import Pool

from chaos.database import Server
from chaos.load import Order
from chaos.report import Report
from chaos.world import World

HOLD_SECONDS = 1
AROUND_THE_END = (0.8, 2.3)
"""When the correction is sent, in seconds after the change: each process looks once a second for what has ended."""

HELD = "SELECT id FROM order_events WHERE to_status = 'CONFIRMED'"
SUPERSEDED = "SELECT event_id, array_agg(kind) FROM side_effects WHERE status = 'superseded' GROUP BY event_id"
LEAVING = 2
"""Kinds of effects that leave the service here: e-mail and signal."""


@dataclass
class Races:
    """What the clients got."""

    statuses: Counter[int] = field(default_factory=Counter)


def nothing_superseded_is_sent(server: Server, report: Report) -> None:
    """Each change is either sent, once by each way, or reverted as a whole: never both, and never neither."""
    count, at_once = report.either((200, 100), (10_000, 250))
    with World(server, report) as world:
        races, pool = Races(), Pool(at_once)
        for order in world.orders(count):
            pool.spawn(_race, world, order, races)
        pool.join(raise_error=True)
        report.check("undone work left after", world.drain(), at_most=90, unit="s")
        held = {id for (id,) in world.database.sql(HELD)}
        superseded = dict(world.database.sql(SUPERSEDED))
        report.tell("changes held and corrected", len(held))
        report.check("of these reverted", len(superseded), at_least=1)
        report.check("of these sent before", len(held) - len(superseded), at_least=1)
        report.check("answers but 200", races.statuses.total() - races.statuses[200], at_most=0)
        for way, seen in (("mails", world.mails.events()), ("signals", world.signalled())):
            sent = Counter(id for id in seen if id in held)
            report.check(f"{way} sent of what was reverted", len(sent.keys() & superseded.keys()), at_most=0)
            report.check(f"{way} neither sent nor reverted", len(held - sent.keys() - superseded.keys()), at_most=0)
            report.check(f"{way} sent twice", sum(times > 1 for times in sent.values()), at_most=0)
        halves = sum(len(kinds) != LEAVING for kinds in superseded.values())
        report.check("changes reverted by half", halves, at_most=0)


def _race(world: World, order: Order, races: Races) -> None:
    _change(world, order, {"status": "CONFIRMED", "hold_seconds": HOLD_SECONDS}, races)
    gevent.sleep(world.report.rng.uniform(*AROUND_THE_END))
    _change(world, order, {"status": "PENDING", "reason": "misclick", "notify": False}, races)


def _change(world: World, order: Order, body: dict[str, Any], races: Races) -> None:
    headers = {
        "Authorization": f"Bearer {world.service.token('seller', order.seller)}",
        "Content-Type": "application/json",
    }
    client = HTTPConnection("127.0.0.1", world.service.port, timeout=30)
    try:
        client.request("PATCH", f"/api/orders/{order.id}/status", orjson.dumps(body), headers)
        races.statuses[client.getresponse().status] += 1
    except (OSError, HTTPException):
        races.statuses[0] += 1
    finally:
        client.close()
