"""Many changes in one request: each with a result of its own, and none at the cost of another."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import psycopg2
import pytest

from foundation.connections import PreparedPool


def change(order, status="CONFIRMED", **more):
    return {"order_id": order["id"], "status": status} | more


def send(person, *changes, **headers):
    return person.post("/api/orders/status-changes", {"changes": list(changes)}, **headers)


def test_each_change_has_its_own_result_in_the_order_it_was_sent(cast, bob, outbox):
    good, unasked, stale = cast.place(), cast.place(), cast.place()

    reply = send(
        bob,
        change(good),
        change(unasked, "CANCELLED"),
        change(stale, version=7),
        change({"id": 999_999}),
        change(cast.place(), "DELIVERED"),
        change(cast.place(), "SOLD"),
    )
    assert (200, 1, 5) == (reply.status, reply.json["changed"], reply.json["refused"])
    assert [200, 422, 412, 404, 409, 422] == [one["status"] for one in reply.json["results"]]
    first, *refused = reply.json["results"]
    assert bob.order(good["id"]) == first["order"]
    assert ["invalid_request", "stale_version", "not_found", "illegal_transition", "invalid_request"] == [
        one["problem"]["code"] for one in refused
    ]
    assert {reply.headers["X-Request-ID"]} == {one["problem"]["request_id"] for one in refused}


def test_what_is_said_of_one_is_what_a_patch_would_have_said(cast, bob):
    order = cast.place()

    told = send(bob, change(order, "DELIVERED")).json["results"][0]
    alone = bob.move(order["id"], "DELIVERED")
    assert told["problem"] | {"request_id": ""} == alone.json | {"request_id": ""}
    assert told["status"] == alone.status


def test_all_effects_follow_as_after_any_change(cast, alice, bob, outbox, sql):
    orders = [cast.place() for _ in range(3)]
    outbox.run_until_idle()
    sql("TRUNCATE realtime_packs, realtime_events, notifications, messages")

    send(bob, *[change(order) for order in orders])
    outbox.run_until_idle()
    assert [] == outbox.rows
    assert [(3,)] == sql("SELECT count(*) FROM live_events WHERE channel = 'buyer:1' AND type LIKE 'order.%%'")
    assert (6, 3) == (sql("SELECT count(*) FROM notifications")[0][0], sql("SELECT count(*) FROM messages")[0][0])


def test_changes_of_one_order_are_made_one_after_the_other(placed, cast, bob):
    other = cast.place()

    reply = send(bob, change(placed), change(other), change(placed, "PREPARING"), change(placed, "PREPARING"))
    assert [200, 200, 200, 409] == [one["status"] for one in reply.json["results"]]
    assert ("PREPARING", 3) == tuple(bob.order(placed["id"])[key] for key in ("status", "version"))


def test_somebody_elses_orders_are_not_there(cast, mallory, bob, placed):
    assert [404] == [one["status"] for one in send(mallory, change(placed)).json["results"]]
    assert 1 == bob.order(placed["id"])["version"]


def test_a_request_that_is_repeated_with_its_key_does_nothing_twice(cast, bob, sql):
    changes = [change(cast.place()) for _ in range(4)]
    first = send(bob, *changes, Idempotency_Key="all-of-them")

    again = send(bob, *changes, Idempotency_Key="all-of-them")
    assert (first.status, first.json) == (again.status, again.json)
    assert [(4,)] == sql("SELECT count(*) FROM order_events WHERE type = 'order.status_changed'")
    other = send(bob, *changes[::-1], Idempotency_Key="all-of-them")
    assert {"idempotency_mismatch"} == {one["problem"]["code"] for one in other.json["results"]}


def test_a_change_may_bring_a_key_of_its_own(cast, bob, placed):
    assert 1 == send(bob, change(placed, idempotency_key="mine")).json["changed"]

    assert 2 == bob.move(placed["id"], "CONFIRMED", Idempotency_Key="mine").json["version"]
    reply = send(bob, change(cast.place(), idempotency_key="mine"), change(placed, "PREPARING"))
    assert [422, 200] == [one["status"] for one in reply.json["results"]]


def test_two_changes_with_one_key_are_one_change_and_one_refusal(cast, bob, sql):
    orders = [cast.place(), cast.place()]

    reply = send(bob, *[change(order, idempotency_key="twice") for order in orders])
    assert [200, 422] == sorted(one["status"] for one in reply.json["results"])
    assert [(1,)] == sql("SELECT count(*) FROM order_events WHERE type = 'order.status_changed'")


def test_five_hundred_fit_into_few_statements(cast, bob, sql, onward, monkeypatch):
    sql(
        """INSERT INTO orders
            (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency)
        SELECT n::text, 'PENDING', %s, 1, 'Alice', 'a@example.org', '[]', 0, 'EUR' FROM generate_series(1, 500) AS n""",
        bob.id,
    )
    ids = [id for (id,) in sql("SELECT id FROM orders")]
    sent = []
    commits = onward.orders.changes.commits
    send_one = commits._send
    monkeypatch.setattr(commits, "_send", lambda changes: sent.append(len(changes)) or send_one(changes))

    reply = send(bob, *[{"order_id": id, "status": "CONFIRMED", "reason": "x" * 1000} for id in ids])
    assert (200, 500) == (reply.status, reply.json["changed"])
    assert 500 == sum(sent)
    assert len(sent) < 40


@pytest.mark.parametrize("key", ["", "all-of-them"])
def test_five_hundred_that_are_not_there_ask_few_questions(bob, key, monkeypatch):
    """One for each brought everybody's answers from 2 to 38 ms."""
    asked, run = Counter(), PreparedPool.run

    def watch(self, statement, args):
        asked[statement.name] += 1
        return run(self, statement, args)

    monkeypatch.setattr(PreparedPool, "run", watch)
    changes = [{"order_id": 10**9 + number, "status": "CONFIRMED"} for number in range(500)]
    reply = send(bob, *changes, **{"Idempotency_Key": key} if key else {})

    assert {404} == {one["status"] for one in reply.json["results"]}
    # It was 513, and is about 50; how many go together depends on how busy the machine is.
    assert asked.total() < 400, asked


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"changes": []},
        {"changes": [{"order_id": 1, "status": "CONFIRMED"}] * 501},
        {"changes": [{"order_id": 0, "status": "CONFIRMED"}]},
        {"changes": [{"status": "CONFIRMED"}]},
        {"changes": [{"order_id": 1, "status": "CONFIRMED", "idempotency_key": "a b"}]},
        {"changes": [{"order_id": 1, "status": "CONFIRMED", "version": 0}]},
        {"changes": {"order_id": 1}},
    ],
)
def test_a_request_that_cannot_be_read_changes_nothing(bob, body):
    assert 422 == bob.post("/api/orders/status-changes", body).status


def test_a_request_beyond_a_megabyte_is_refused(bob):
    assert 413 == bob.post("/api/orders/status-changes", b" " * (1024 * 1024 + 1)).status


def test_an_order_that_somebody_keeps_locked_costs_the_others_nothing_but_time(cast, bob, settings):
    locked, free = cast.place(), cast.place()
    with closing(psycopg2.connect(settings.dsn)) as other:
        other.cursor().execute("SELECT FROM orders WHERE id = %s FOR UPDATE", (locked["id"],))
        reply = send(bob, change(locked), change(free))

    assert [503, 200] == [one["status"] for one in reply.json["results"]]
    assert "order_locked" == reply.json["results"][0]["problem"]["code"]
