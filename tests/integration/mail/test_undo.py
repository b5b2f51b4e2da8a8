"""Undo: a change is reverted while it is held; nothing outside hears of either, and everything inside of both."""

from __future__ import annotations

import gevent
import pytest

from orders.effects.email import STATUS_MAIL
from orders.signals import order_status_changed
from tests.integration.mail.test_held import change_all
from tests.integration.test_corrections import last_event, life, move

SIGNAL = "signal.order_status_changed"
PARCEL = {"carrier": "DHL", "number": "0034 0433 2200"}
heard = []


@pytest.fixture
def receivers():
    heard.clear()
    with order_status_changed.connected_to(_hear):
        yield heard


def _hear(event, **_):
    heard.append((event.type, event.to_status))


@pytest.fixture
def ready(cast, bob, outbox, sql):
    order = cast.place()
    life(bob, order, "CONFIRMED", "PREPARING", "READY")
    outbox.run_until_idle()
    sql("DELETE FROM side_effects")
    return order


@pytest.fixture
def holds_end(outbox, sql):
    """All holds end, and what was held is claimed."""

    def end():
        sql("UPDATE outbox SET lease_until = clock_timestamp() WHERE owner < 0")
        outbox.look()

    return end


def undo(person, order, **headers):
    return person.request("POST", f"/api/orders/{order['id']}/undo", **headers)


def history(person, order):
    return person.get(f"/api/orders/{order['id']}/history").json["events"]


def test_nobody_outside_hears_of_a_change_that_is_undone(
    mode, bob, alice, ready, outbox, receivers, mail_server, holds_end
):
    moved = move(bob, ready, "SHIPPED", hold_seconds=8)
    outbox.run_until_idle()
    undone = undo(bob, ready, If_Match=moved.headers["ETag"])
    outbox.run_until_idle()
    holds_end()
    outbox.try_again()

    assert (200, "READY", 6, '"6"') == (
        undone.status,
        undone.json["status"],
        undone.json["version"],
        undone.headers["ETag"],
    )
    assert ([], [], []) == (receivers, mail_server.mails, outbox.rows)
    assert "READY" == alice.order(ready["id"])["status"]


def test_both_stay_in_the_history_and_in_the_ledger(bob, alice, olive, ready, outbox):
    move(bob, ready, "SHIPPED", hold_seconds=8)
    undo(bob, ready)
    outbox.run_until_idle()

    shipped, taken_back = history(bob, ready)[-2:]
    assert ("order.status_changed", "SHIPPED") == (shipped["type"], shipped["to_status"])
    assert shipped["undo_until"] > shipped["at"]
    assert ("order.corrected", "SHIPPED", "READY", shipped["id"]) == tuple(
        taken_back[name] for name in ("type", "from_status", "to_status", "undoes")
    )
    effects = {one["effect"]: one["status"] for one in shipped["effects"]}
    assert ("superseded", "superseded", "succeeded") == (
        effects[STATUS_MAIL],
        effects[SIGNAL],
        effects["realtime.buyer"],
    )
    assert not {STATUS_MAIL, SIGNAL} & {one["effect"] for one in taken_back["effects"]}
    told = [one["title"] for one in alice.get("/api/notifications").json["notifications"]]
    assert any(one.startswith("Correction:") for one in told), "inside, she is told at once, of the correction too"


def test_a_live_event_tells_until_when(bob, ready, outbox, sql):
    move(bob, ready, "SHIPPED", hold_seconds=8)
    outbox.run_until_idle()

    ((until, at),) = sql(
        """SELECT (data::json -> 'event' ->> 'undo_until')::timestamptz, (data::json -> 'event' ->> 'at')::timestamptz
        FROM live_events WHERE type = 'order.status_changed' AND channel LIKE 'seller:%%'
            AND data::json -> 'event' ->> 'to_status' = 'SHIPPED'"""
    )
    assert 8 == (until - at).total_seconds()


def test_a_change_that_was_not_held_says_nothing_of_undo(bob, ready):
    move(bob, ready, "SHIPPED")

    assert not {"undo_until", "undoes"} & last_event(bob, ready).keys()
    refused = undo(bob, ready)
    assert (409, "not_undoable", "SHIPPED") == (refused.status, refused.json["code"], refused.json["current"]["status"])


def test_the_workflow_needs_no_way_back(bob, olive, ready, outbox):
    """Sellers have no way from DELIVERED to SHIPPED of an operator's, and nobody one from PREPARING to CONFIRMED."""
    life(bob, ready, "SHIPPED", "DELIVERED")
    move(olive, ready, "COMPLETED", reason="x", hold_seconds=8)

    assert (200, "DELIVERED") == ((reply := undo(olive, ready)).status, reply.json["status"])


def test_only_who_made_a_change_undoes_it(bob, olive, alice, mallory, ready):
    move(bob, ready, "SHIPPED", hold_seconds=60)

    assert [409, 409, 404] == [undo(one, ready).status for one in (olive, alice, mallory)]
    assert "Somebody else" in undo(olive, ready).json["detail"]
    assert 200 == undo(bob, ready).status


def test_two_people_of_a_shop_undo_their_own_changes(bob, ready, sql):
    move(bob, ready, "SHIPPED", hold_seconds=60)
    sql("ALTER TABLE order_events DISABLE TRIGGER USER")
    sql("UPDATE order_events SET actor_via = 'person:7' WHERE version = 5")
    sql("ALTER TABLE order_events ENABLE TRIGGER USER")

    assert 409 == undo(bob, ready).status


def test_what_happened_since_is_not_undone(bob, ready):
    shipped = move(bob, ready, "SHIPPED", hold_seconds=60)
    bob.request("PATCH", f"/api/orders/{ready['id']}", {"tags": ["gift"]})

    assert (412, "stale_version") == (
        (reply := undo(bob, ready, If_Match=shipped.headers["ETag"])).status,
        reply.json["code"],
    )
    assert 409 == undo(bob, ready).status


def test_an_undo_is_not_undone(bob, ready):
    move(bob, ready, "SHIPPED", hold_seconds=60)

    assert [200, 409] == [undo(bob, ready).status for _ in range(2)]


def test_an_undo_whose_answer_was_lost_is_repeated_by_its_key(bob, ready):
    move(bob, ready, "SHIPPED", hold_seconds=60)
    first = undo(bob, ready, Idempotency_Key="k-undo")

    assert (200, first.json) == ((again := undo(bob, ready, Idempotency_Key="k-undo")).status, again.json)
    assert 6 == bob.order(ready["id"])["version"]
    other = {"status": "READY"}
    reply = bob.request("PATCH", f"/api/orders/{ready['id']}/status", other, Idempotency_Key="k-undo")
    assert (422, "idempotency_mismatch") == (reply.status, reply.json["code"])


def test_once_the_hold_has_ended_it_is_told_and_the_undo_is_refused(bob, ready, outbox, receivers, holds_end):
    move(bob, ready, "SHIPPED", hold_seconds=60)
    outbox.run_until_idle()
    holds_end()

    assert (409, "not_undoable") == ((reply := undo(bob, ready)).status, reply.json["code"])
    outbox.try_again()
    assert [("order.status_changed", "SHIPPED")] == receivers
    assert "SHIPPED" == bob.order(ready["id"])["status"]


def test_the_parcel_and_the_due_time_are_as_before(bob, ready, sql):
    due = "2031-05-06T12:00:00+00:00"
    bob.request("PATCH", f"/api/orders/{ready['id']}", {"due_at": due})
    before = bob.order(ready["id"])
    move(bob, ready, "SHIPPED", hold_seconds=60, tracking=PARCEL)
    assert bob.order(ready["id"])["tracking"]
    after = undo(bob, ready, Idempotency_Key="k-1").json

    assert (None, due) == (after["tracking"], after["due_at"])
    assert {name for name in before if before[name] != after[name]} == {"version", "updated_at"}
    assert [] == bob.get("/api/orders?q=00340433").json["orders"], "it is not found by that parcel any more"
    assert undo(bob, ready, Idempotency_Key="k-1").json["tracking"] is None


def test_a_timer_runs_on_as_if_nothing_had_happened(bob, olive, ready, outbox, sql):
    life(bob, ready, "SHIPPED", "DELIVERED")
    outbox.run_until_idle()
    due = "SELECT scheduled_at FROM side_effects WHERE kind = 'order.timed_transition' AND status = 'pending'"
    before = sql(due)
    for _ in range(2):
        move(olive, ready, "COMPLETED", reason="x", hold_seconds=8)
        undo(olive, ready)
        outbox.run_until_idle()

    assert (1, before) == (len(before), sql(due))


def test_a_silent_change_is_undone_silently(olive, alice, ready, outbox):
    told = alice.get("/api/notifications").json["notifications"]
    move(olive, ready, "SHIPPED", hold_seconds=8, notify=False)
    undo(olive, ready)
    outbox.run_until_idle()

    assert told == alice.get("/api/notifications").json["notifications"]


def test_undos_and_plain_changes_share_a_batch(cast, bob, ready, onward):
    other = cast.place()
    move(bob, ready, "SHIPPED", hold_seconds=60)
    with onward.orders.changes.commits.gathering():
        both = [gevent.spawn(undo, bob, ready), gevent.spawn(move, bob, other, "CONFIRMED")]
        gevent.sleep(0.02)

    assert [("READY", 200), ("CONFIRMED", 200)] == [((got := one.get()).json["status"], got.status) for one in both]


RACES = 150


def test_an_undo_at_the_end_of_the_hold_is_either_refused_or_never_told(cast, bob, outbox, onward, sql):
    """Each hold ends while the undo is made: never both, and never neither."""
    orders = [cast.place() for _ in range(RACES)]
    change_all(bob, orders, "CONFIRMED", "PREPARING", "READY")
    change_all(bob, orders, "SHIPPED", hold_seconds=60)
    outbox.run_until_idle()

    def end_holds():
        for order in orders:
            sql("UPDATE outbox SET lease_until = clock_timestamp() WHERE owner < 0 AND order_id = %s", order["id"])
            onward.engine.look()

    ending, answers = gevent.spawn(end_holds), {}
    for order in orders:
        answers[order["id"]] = undo(bob, order)
        gevent.sleep(0)
    ending.get()
    outbox.run_until_idle()
    outbox.look()

    by_mail = "SELECT order_id FROM side_effects WHERE kind = %s AND status {} 'superseded' AND event_id = ANY(%s)"
    shipped = [row[0] for row in sql("SELECT id FROM order_events WHERE to_status = 'SHIPPED'")]
    told, kept = ({row[0] for row in sql(by_mail.format(sign), STATUS_MAIL, shipped)} for sign in ("<>", "="))
    undone = {id for id, answer in answers.items() if answer.status == 200}
    assert {200, 409} >= {answer.status for answer in answers.values()}
    assert (undone, answers.keys() - undone) == (kept, told)
    assert [] == outbox.rows
