"""Eight people who want different changes of the same orders, at the same time."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.facts import eventually

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("spine")]

ORDERS, THREADS, TRIES = 12, 8, 40
CHANGES = ("order.status_changed", "order.corrected")
MOVES = ("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED", "CANCELLED", "COMPLETED", "RETURN_REQUESTED")


def test_conflicting_moves_leave_a_complete_history_and_no_lost_effect(server):
    cast = server.cast()
    orders = [cast.place()["id"] for _ in range(ORDERS)]
    with server.stream(cast.bob.token) as bob, server.stream(cast.alice.token) as alice:
        for stream in (alice, bob):
            stream.until_type("hello")
        with ThreadPoolExecutor(THREADS) as crowd:
            statuses = list(crowd.map(lambda seed: _push(server, cast, orders, seed), range(THREADS)))
        answers = [status for part in statuses for status in part]
        assert set(answers) <= {200, 409}
        moved = answers.count(200)
        assert moved > ORDERS

        ids = ", ".join(map(str, orders))
        _history_is_complete(server, ids, moved)
        eventually(server.at_rest)
        assert [(moved,)] == server.sql(f"SELECT count(*) FROM messages WHERE order_id IN ({ids})")
        told = f"""SELECT sum(CASE actor_role WHEN 'operator' THEN 2 ELSE 1 END) FROM order_events
            WHERE version > 1 AND order_id IN ({ids})"""
        assert server.sql(told) == server.sql(
            f"SELECT count(*) FROM notifications WHERE kind = 'generic' AND order_id IN ({ids})"
        )
        for stream in (alice, bob):
            stream.until(lambda heard: sum(one.type in CHANGES for one in heard) == moved)
            _no_version_goes_back(stream)


def _push(server, cast, orders, seed):
    rng = random.Random(seed)
    statuses = []
    with requests.Session() as session:
        for _ in range(TRIES):
            person = rng.choice((cast.alice, cast.bob, cast.olive))
            answer = session.patch(
                f"{server.url}/api/orders/{rng.choice(orders)}/status",
                json={"status": rng.choice(MOVES), "reason": "because"},
                headers={"Authorization": f"Bearer {person.token}"},
                timeout=20,
            )
            statuses.append(answer.status_code)
    return statuses


def _history_is_complete(server, ids, moved):
    assert [(moved + ORDERS,)] == server.sql(f"SELECT count(*) FROM order_events WHERE order_id IN ({ids})")
    broken = server.sql(
        f"""SELECT * FROM (
            SELECT order_id, version, from_status, at, row_number() OVER w AS expected,
                   lag(to_status) OVER w AS before, lag(at) OVER w AS earlier
            FROM order_events WHERE order_id IN ({ids}) WINDOW w AS (PARTITION BY order_id ORDER BY version)) AS chain
        WHERE version <> expected OR from_status IS DISTINCT FROM before OR at < earlier"""
    )
    assert [] == broken
    assert [] == server.sql(
        f"""SELECT o.id FROM orders o LEFT JOIN order_events e
                ON e.order_id = o.id AND e.version = o.version AND e.to_status = o.status
            WHERE o.id IN ({ids}) AND e.id IS NULL"""
    )


def _no_version_goes_back(stream):
    seen = {}
    for event in stream.orders():
        order = event.data["order"]
        assert order["version"] >= seen.get(order["id"], 0)
        assert order["version"] >= event.data["event"]["version"]
        seen[order["id"]] = order["version"]
