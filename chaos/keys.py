"""R23: one key, fifty requests at once, a thousand times; and responses that are lost."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

import gevent
import orjson

from chaos.database import Server
from chaos.load import Order
from chaos.report import Report
from chaos.world import World

LOST_SHARE = 0.1
"""Every how many requests one is disconnected before its response."""

DONE = "SELECT order_id, count(*) FROM order_events WHERE version > 1 GROUP BY order_id"


@dataclass
class Seen:
    """The responses that the clients got."""

    answers: dict[str, set[bytes]] = field(default_factory=dict)
    """By key, all bodies of a 200."""

    statuses: Counter[int] = field(default_factory=Counter)


def one_change_for_each_key(server: Server, report: Report) -> None:
    """Each key's change is made once, whoever gets the response; with another body it is refused."""
    keys, times = report.either((40, 20), (1000, 50))
    with World(server, report, mail=False) as world:
        seen = Seen()
        orders = world.orders(keys)
        clients = [HTTPConnection("127.0.0.1", world.service.port, timeout=10) for _ in range(times)]
        for order in orders:
            gevent.joinall([gevent.spawn(_send, world, client, order, seen) for client in clients], raise_error=True)
        mismatched = sum(_with_another_body(world, clients[0], order) != 422 for order in orders)
        for client in clients:
            client.close()
        world.drain()
        done = dict(world.database.sql(DONE))
        report.tell("keys", keys)
        report.tell("requests with each, at once", times)
        report.tell("of which nobody waited for the answer", seen.statuses[0])
        report.check("orders without exactly one change", sum(done.get(one.id) != 1 for one in orders), at_most=0)
        several = sum(len(bodies) != 1 for bodies in seen.answers.values())
        report.check("keys with more than one answer, or none", several + keys - len(seen.answers), at_most=0)
        report.check(
            "answers but 200", sum(n for status, n in seen.statuses.items() if status not in (0, 200)), at_most=0
        )
        report.check("another body under a used key that was not refused with 422", mismatched, at_most=0)


def _send(world: World, client: HTTPConnection, order: Order, seen: Seen) -> None:
    if world.report.rng.random() < LOST_SHARE:
        with closing(HTTPConnection("127.0.0.1", world.service.port, timeout=10)) as impatient:
            impatient.request("PATCH", *_request(world, order, {"status": "CONFIRMED"}))
        seen.statuses[0] += 1
        return
    status, body = _ask(client, *_request(world, order, {"status": "CONFIRMED"}))
    seen.statuses[status] += 1
    if status == 200:
        seen.answers.setdefault(f"key-{order.id}", set()).add(body)


def _with_another_body(world: World, client: HTTPConnection, order: Order) -> int:
    return _ask(client, *_request(world, order, {"status": "CANCELLED", "reason": "another body"}))[0]


def _request(world: World, order: Order, body: dict[str, Any]) -> tuple[str, bytes, dict[str, str]]:
    headers = {
        "Authorization": f"Bearer {world.service.token('seller', order.seller)}",
        "Idempotency-Key": f"key-{order.id}",
        "Content-Type": "application/json",
    }
    return f"/api/orders/{order.id}/status", orjson.dumps(body), headers


def _ask(client: HTTPConnection, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    try:
        client.request("PATCH", path, body, headers)
        answer = client.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        client.close()
        return -1, b""
