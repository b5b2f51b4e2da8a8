"""Reading orders, conversations and notifications: each principal its own."""

from __future__ import annotations

import pytest

from tests.facts import eventually


def test_each_side_lists_its_own_orders_newest_first(cast, alice, bob, mallory, olive):
    ids = [cast.place()["id"] for _ in range(3)]

    for person in (alice, bob, olive):
        assert ids[::-1] == [order["id"] for order in person.get("/api/orders").json["orders"]]
    assert [] == mallory.get("/api/orders").json["orders"]


def test_pages_follow_each_other_without_gap_or_repetition(cast, bob):
    ids = [cast.place()["id"] for _ in range(5)]

    seen, cursor = [], ""
    while cursor is not None:
        page = bob.get(f"/api/orders?limit=2{f'&cursor={cursor}' if cursor else ''}").json
        seen += [order["id"] for order in page["orders"]]
        cursor = page["next_cursor"]
    assert ids[::-1] == seen


def test_a_list_can_be_limited_to_one_status(cast, bob, alice):
    first, second = cast.place(), cast.place()
    bob.move(first["id"], "CONFIRMED")
    alice.move(second["id"], "CANCELLED", "No longer needed")

    for status, order in (("CONFIRMED", first), ("CANCELLED", second)):
        assert [order["id"]] == [one["id"] for one in bob.get(f"/api/orders?status={status}").json["orders"]]
    assert [] == bob.get("/api/orders?status=SHIPPED").json["orders"]


@pytest.mark.parametrize(
    "query",
    [
        "status=SOLD",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=0",
        "cursor=-5",
        "cursor=%00",
        "cursor=9~9",
        "cursor=99999999999999999999",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(bob, query):
    assert bob.get(f"/api/orders?{query}").status in (400, 422)


def test_a_stranger_sees_nothing_of_an_order(mallory, placed):
    for path in ("", "/history", "/messages"):
        assert 404 == mallory.get(f"/api/orders/{placed['id']}{path}").status
    assert 404 == mallory.post(f"/api/orders/{placed['id']}/messages", {"body": "hello"}).status


def test_a_message_reaches_both_sides(alice, bob, placed, outbox, sql):
    sql("TRUNCATE realtime_packs, realtime_events")
    reply = alice.post(f"/api/orders/{placed['id']}/messages", {"body": " Is it wrapped? "})
    outbox.run_until_idle()

    assert (201, "Is it wrapped?", {"role": "buyer", "id": alice.id}) == (
        reply.status,
        reply.json["body"],
        reply.json["author"],
    )
    assert [reply.json] == bob.get(f"/api/orders/{placed['id']}/messages").json["messages"]
    assert {(f"seller:{bob.id}",), (f"buyer:{alice.id}",)} == set(
        sql("SELECT channel FROM live_events WHERE type = 'message.created'")
    )
    assert [] == outbox.rows


@pytest.mark.parametrize("body", [{"body": ""}, {"body": "   "}, {"body": "x" * 4001}, {}, {"body": 5}])
def test_an_empty_or_endless_message_is_refused(alice, placed, body):
    assert 422 == alice.post(f"/api/orders/{placed['id']}/messages", body).status


def test_notifications_are_marked_read_up_to_where_they_were_seen(alice, bob, placed, outbox):
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    oldest = alice.get("/api/notifications").json["notifications"][-1]

    reply = alice.post("/api/notifications/read", {"up_to": oldest["id"]}).json
    assert 1 == reply["unread_count"]
    assert reply["notifications"][-1]["read_at"] is not None
    assert 0 == alice.post("/api/notifications/read", {"up_to": 2**53 - 1}).json["unread_count"]
    assert 1 == bob.get("/api/notifications").json["unread_count"]


def test_moves_between_open_statuses_stay_hot(cast, bob, sql):
    """Were status, version or time part of an index, every change would write all indexes anew."""
    orders = [cast.place()["id"] for _ in range(20)]
    before = updates(sql)
    for order in orders:
        for status in ("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED"):
            assert 200 == bob.move(order, status).status
    # The other connections hand in their statistics when they come to rest.
    eventually(lambda: updates(sql)[0] - before[0] >= 100)

    after = updates(sql)
    # Rows that were written together share full pages, and the first moves find no room; an index over what changes
    # would make it about a tenth.
    assert (after[1] - before[1]) / (after[0] - before[0]) > 0.6


def updates(sql):
    """All updates of orders so far, and how many of them were HOT."""
    sql("SELECT pg_stat_clear_snapshot()")
    return sql("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'orders'")[0]
