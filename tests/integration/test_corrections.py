"""Corrections: a mistaken change is reverted, by whom the table lets, for as long as it lets, and is called so."""

from __future__ import annotations

import pytest

from orders.signals import order_status_changed
from tests.integration.test_dry_run import rehearse

heard = []


@pytest.fixture
def receivers():
    heard.clear()
    with order_status_changed.connected_to(_hear):
        yield heard


def _hear(event, **_):
    heard.append((event.type, event.to_status, event.notify))


def move(person, order, to, **more):
    return person.request("PATCH", f"/api/orders/{order['id']}/status", {"status": to} | more)


def back(person, order, to, **more):
    return move(person, order, to, reason="misclick", **more)


def life(bob, order, *statuses):
    for status in statuses:
        assert 200 == move(bob, order, status).status


@pytest.fixture
def shipped(bob, placed, outbox):
    life(bob, placed, "CONFIRMED", "PREPARING", "READY", "SHIPPED")
    outbox.run_until_idle()
    return placed


def last_event(person, order):
    return person.get(f"/api/orders/{order['id']}/history").json["events"][-1]


def notices(person):
    return [(one["kind"], one["title"]) for one in person.get("/api/notifications").json["notifications"]]


def test_a_mistaken_click_is_taken_back_with_a_reason(mode, bob, alice, shipped, outbox, receivers, sql):
    reply = back(bob, shipped, "READY")
    outbox.run_until_idle()

    assert (200, "READY", 6) == (reply.status, reply.json["status"], reply.json["version"])
    event = last_event(alice, shipped)
    assert ("order.corrected", "SHIPPED", "READY", "misclick", True) == tuple(
        event[name] for name in ("type", "from_status", "to_status", "reason", "notify")
    )
    assert [("order.corrected", "READY", True)] == receivers
    assert 2 == len(sql("SELECT 1 FROM live_events WHERE type = 'order.corrected'"))
    assert ("status", f"Correction: Your order #{shipped['number']} is packed and ready.") in notices(alice)
    said = [one["body"] for one in bob.get(f"/api/orders/{shipped['id']}/messages").json["messages"]]
    assert "Corrected to Ready" == said[-1]


def test_a_correction_gives_a_reason(bob, olive, shipped):
    for person in (bob, olive):
        reply = move(person, shipped, "READY")
        assert (422, "invalid_request") == (reply.status, reply.json["code"])
        assert "reason" in reply.json["detail"]


def test_a_seller_corrects_its_own_change_only_and_not_for_ever(bob, olive, shipped, sql):
    """The database's clock decides; the history cannot be dated back, so the triggers stand aside here."""
    assert [] == [one for one in ("READY", "PREPARING") if one in bob.order(shipped["id"])["allowed_transitions"]]
    sql("ALTER TABLE order_events DISABLE TRIGGER USER")
    sql("UPDATE order_events SET at = at - interval '16 minutes'")
    sql("ALTER TABLE order_events ENABLE TRIGGER USER")

    late = back(bob, shipped, "READY")
    assert (409, "illegal_transition") == (late.status, late.json["code"])
    assert "within 15 minutes" in late.json["detail"]
    assert 409 == rehearse(bob, shipped["id"], {"status": "READY", "reason": "misclick"}).status

    assert 200 == move(olive, shipped, "DELIVERED").status
    assert 409 == back(bob, shipped, "SHIPPED").status, "an operator's change is not the seller's"
    assert 200 == back(olive, shipped, "SHIPPED").status
    assert "READY" in olive.order(shipped["id"])["allowed_transitions"]


def test_a_buyer_and_a_stranger_correct_nothing(alice, mallory, shipped):
    assert 409 == back(alice, shipped, "READY").status
    assert 404 == back(mallory, shipped, "READY").status


def test_a_dry_run_knows_a_correction(bob, shipped):
    body = {"status": "READY", "reason": "misclick", "notify": False}

    found = rehearse(bob, shipped["id"], body)
    assert (200, True, "SHIPPED") == (found.status, found.json["correction"], found.json["from"])
    assert not rehearse(bob, shipped["id"], {"status": "DELIVERED"}).json["correction"]


def test_a_closed_order_is_opened_by_a_correction_and_found_again(bob, olive, placed, sql):
    move(bob, placed, "CANCELLED", reason="Sold out")
    assert [(False, "CANCELLED")] == sql("SELECT open, closed_as FROM orders")
    assert [placed["id"]] == [one["id"] for one in bob.get("/api/orders?status=CANCELLED").json["orders"]]

    assert 200 == back(olive, placed, "PENDING").status
    assert [(True, None)] == sql("SELECT open, closed_as FROM orders")
    assert [] == bob.get("/api/orders?status=CANCELLED").json["orders"]
    assert [placed["id"]] == [one["id"] for one in bob.get("/api/orders?status=PENDING,CANCELLED").json["orders"]]


def test_a_cancelled_order_is_refunded_and_stays_closed(bob, olive, placed, sql):
    move(bob, placed, "CANCELLED", reason="Sold out")

    assert 200 == move(olive, placed, "REFUNDED", reason="Paid back by hand").status
    assert "order.status_changed" == last_event(bob, placed)["type"], "more happened, nothing was reverted"
    assert [(False, "REFUNDED")] == sql("SELECT open, closed_as FROM orders")
    assert [placed["id"]] == [one["id"] for one in bob.get("/api/orders?status=REFUNDED").json["orders"]]


@pytest.mark.parametrize("bad_day", [("LOST", "PREPARING"), ("LOST", "REFUNDED"), ("RETURNED", "REFUNDED")])
def test_a_parcel_that_did_not_arrive_has_ways_on(bob, shipped, bad_day):
    for status in bad_day:
        assert 200 == move(bob, shipped, status, reason="The carrier says so").status


def test_all_but_changes_of_open_to_closed_stay_hot(bob, shipped, sql):
    sql("SELECT pg_stat_reset_single_table_counters('orders'::regclass)")
    back(bob, shipped, "READY")
    move(bob, shipped, "SHIPPED", hold_seconds=30)

    sql("SELECT pg_stat_force_next_flush()")
    (found,) = sql("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'orders'")
    assert found[0] == found[1]


def test_an_operator_may_spare_the_buyer_the_news(mode, olive, alice, bob, placed, outbox, receivers, sql):
    before = notices(alice)
    assert 200 == move(olive, placed, "CONFIRMED", notify=False).status
    outbox.run_until_idle()

    assert before == notices(alice)
    assert 2 == sum(
        f"#{placed['number']} was confirmed" in title or title.startswith("Order #") for _, title in notices(bob)
    )
    assert last_event(alice, placed)["notify"] is False
    assert [("order.status_changed", "CONFIRMED", False)] == receivers
    assert 2 == len(sql("SELECT 1 FROM live_events WHERE type = 'order.status_changed'"))


def test_a_seller_may_be_silent_about_a_correction_only(bob, shipped, outbox, alice):
    before = notices(alice)

    refused = move(bob, shipped, "DELIVERED", notify=False)
    assert (403, "forbidden") == (refused.status, refused.json["code"])
    assert 409 == move(bob, shipped, "COMPLETED", notify=False).status, "that first"
    assert 200 == back(bob, shipped, "READY", notify=False).status
    outbox.run_until_idle()
    assert before == notices(alice)


def test_the_same_key_is_the_same_change_told_or_not(olive, placed):
    body = {"status": "CONFIRMED", "notify": False}
    path = f"/api/orders/{placed['id']}/status"
    first = olive.request("PATCH", path, body, Idempotency_Key="k-1")

    assert first.json == olive.request("PATCH", path, body, Idempotency_Key="k-1").json
    assert 422 == olive.request("PATCH", path, {"status": "CONFIRMED"}, Idempotency_Key="k-1").status


def test_corrections_and_plain_changes_share_a_batch(cast, bob, olive, shipped, outbox):
    other = cast.place()
    changes = [
        {"order_id": shipped["id"], "status": "READY", "reason": "misclick", "notify": False},
        {"order_id": other["id"], "status": "CONFIRMED"},
    ]

    results = bob.post("/api/orders/status-changes", {"changes": changes}).json["results"]
    assert [200, 200] == [one["status"] for one in results]
    assert ["order.corrected", "order.status_changed"] == [last_event(bob, one)["type"] for one in (shipped, other)]
    assert [False, True] == [last_event(bob, one)["notify"] for one in (shipped, other)]


@pytest.mark.parametrize("wrong", [{"notify": None}, {"notify": "no"}, {"hold_seconds": 61}, {"hold_seconds": -1}])
def test_what_cannot_be_meant_is_refused(olive, placed, wrong):
    reply = move(olive, placed, "CONFIRMED", **wrong)

    assert 422 == reply.status
    assert 1 == olive.order(placed["id"])["version"]


def test_an_impossible_change_is_refused_before_its_reason_is_asked_for(bob, placed):
    life(bob, placed, "CONFIRMED")

    assert (409, "illegal_transition") == ((reply := move(bob, placed, "COMPLETED")).status, reply.json["code"])
    assert 409 == rehearse(bob, placed["id"], {"status": "COMPLETED"}).status
    assert 422 == move(bob, placed, "CANCELLED").status
