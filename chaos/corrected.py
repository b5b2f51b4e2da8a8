"""R30: changes are corrected or undone at the moment at which their hold ends."""

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
AROUND_THE_CLOCK = (0.3, 1.1)
"""When the undo is sent, which is refused once the hold has ended, claimed or not."""

HELD = "SELECT id FROM order_events WHERE to_status = 'CONFIRMED'"
OF_ORDERS = "SELECT order_id, id FROM order_events WHERE to_status = 'CONFIRMED'"
SUPERSEDED = "SELECT event_id, array_agg(kind) FROM side_effects WHERE status = 'superseded' GROUP BY event_id"
LEAVING = 2
"""Kinds of effects that leave the service here: e-mail and signal."""


@dataclass
class Races:
    """What the clients got."""

    statuses: Counter[int] = field(default_factory=Counter)
    undone: dict[int, int] = field(default_factory=dict)
    """The answer to each undo, by order."""


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
        events = dict(world.database.sql(OF_ORDERS))
        undone = {events[order] for order, status in races.undone.items() if status == 200}
        refused = {events[order] for order, status in races.undone.items() if status == 409}
        report.check("undos that were made", len(undone), at_least=1)
        report.check("undos that were refused", len(refused), at_least=1)
        report.check("undos answered otherwise", len(races.undone) - len(undone) - len(refused), at_most=0)
        report.check("undone, and not reverted", len(undone - superseded.keys()), at_most=0)
        report.check("refused, and reverted", len(refused & superseded.keys()), at_most=0)
        for way, seen in (("mails", world.mails.events()), ("signals", world.signalled())):
            sent = Counter(id for id in seen if id in held)
            report.check(f"{way} sent of what was reverted", len(sent.keys() & superseded.keys()), at_most=0)
            report.check(f"{way} neither sent nor reverted", len(held - sent.keys() - superseded.keys()), at_most=0)
            report.check(f"{way} sent twice", sum(times > 1 for times in sent.values()), at_most=0)
        halves = sum(len(kinds) != LEAVING for kinds in superseded.values())
        report.check("changes reverted by half", halves, at_most=0)


def _race(world: World, order: Order, races: Races) -> None:
    _change(world, order, {"status": "CONFIRMED", "hold_seconds": HOLD_SECONDS}, races)
    undoes = order.id % 2 == 1
    gevent.sleep(world.report.rng.uniform(*(AROUND_THE_CLOCK if undoes else AROUND_THE_END)))
    if undoes:
        races.undone[order.id] = _send(world, order, "POST", "undo", None)
    else:
        _change(world, order, {"status": "PENDING", "reason": "misclick", "notify": False}, races)


def _change(world: World, order: Order, body: dict[str, Any], races: Races) -> None:
    races.statuses[_send(world, order, "PATCH", "status", body)] += 1


def _send(world: World, order: Order, method: str, what: str, body: dict[str, Any] | None) -> int:
    """The status of the answer, 0 if there was none."""
    headers = {
        "Authorization": f"Bearer {world.service.token('seller', order.seller)}",
        "Content-Type": "application/json",
    }
    client = HTTPConnection("127.0.0.1", world.service.port, timeout=30)
    try:
        client.request(method, f"/api/orders/{order.id}/{what}", orjson.dumps(body) if body else None, headers)
        return client.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        client.close()
