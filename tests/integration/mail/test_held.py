"""Held changes: what leaves the service waits, and is not sent if the change is corrected meanwhile."""

from __future__ import annotations

import gevent
import pytest

from operations.completeness import missing
from orders.effects.email import STATUS_MAIL
from orders.signals import order_status_changed
from tests.integration.test_corrections import back, life, move

SIGNAL = "signal.order_status_changed"
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
def time_passes(sql):
    """All holds end."""
    return lambda: sql("UPDATE outbox SET lease_until = clock_timestamp() WHERE owner < 0")


def of_event(person, order, version=None):
    """The effects of a change, of the last one if no version is given."""
    events = person.get(f"/api/orders/{order['id']}/history").json["events"]
    return {one["effect"]: one["status"] for one in events[(version or 0) - 1]["effects"]}


def test_what_leaves_the_service_waits_and_the_rest_is_there_at_once(
    mode, bob, alice, ready, outbox, receivers, mail_server, time_passes, sql
):
    assert 200 == move(bob, ready, "SHIPPED", hold_seconds=60).status
    outbox.run_until_idle()
    outbox.look()

    assert ("SHIPPED", [], []) == (alice.order(ready["id"])["status"], receivers, outbox.effects)
    assert f"Your order #{ready['number']} is on its way." in str(alice.get("/api/notifications").json)
    assert {STATUS_MAIL: "pending", SIGNAL: "pending", "realtime.buyer": "succeeded"}.items() <= of_event(
        bob, ready
    ).items()

    time_passes()
    assert 1 == outbox.look()
    outbox.try_again()
    assert [("order.status_changed", "SHIPPED")] == receivers
    assert [f"Your order #{ready['number']} is on its way."] == [mail["Subject"] for mail in mail_server.mails]
    assert {"succeeded"} == set(of_event(bob, ready).values())


def test_a_correction_meanwhile_takes_it_back(mode, bob, olive, ready, outbox, receivers, mail_server, time_passes):
    move(bob, ready, "SHIPPED", hold_seconds=60)
    outbox.run_until_idle()
    assert 200 == back(bob, ready, "READY", notify=False).status
    outbox.run_until_idle()
    time_passes()
    outbox.look()
    outbox.try_again()

    assert [("order.corrected", "READY")] == receivers
    assert [] == mail_server.mails
    assert {STATUS_MAIL: "superseded", SIGNAL: "superseded"}.items() <= of_event(bob, ready, 5).items()
    listed = olive.get("/api/ops/side-effects?status=superseded").json["side_effects"]
    assert {(STATUS_MAIL, "mail-server"), (SIGNAL, "receivers"), ("webhook.delivery", "webhooks")} == {
        (one["kind"], one["destination"]) for one in listed
    }


def test_a_correction_that_is_itself_told_says_so_by_mail(bob, ready, outbox, mail_server):
    move(bob, ready, "SHIPPED")
    back(bob, ready, "READY")
    outbox.run_until_idle()
    outbox.try_again()
    outbox.try_again()

    number = ready["number"]
    assert [f"Your order #{number} is on its way.", f"Correction: Your order #{number} is packed and ready."] == [
        mail["Subject"] for mail in mail_server.mails
    ]


def test_what_was_sent_is_not_called_superseded(bob, ready, outbox, mail_server, time_passes):
    move(bob, ready, "SHIPPED", hold_seconds=1)
    outbox.run_until_idle()
    time_passes()
    outbox.look()
    back(bob, ready, "READY", notify=False)
    outbox.run_until_idle()
    outbox.try_again()

    assert 1 == len(mail_server.mails)
    assert "succeeded" == of_event(bob, ready, 5)[STATUS_MAIL]


def test_a_correction_of_two_changes_takes_back_both(bob, olive, ready, outbox, mail_server, time_passes):
    move(bob, ready, "SHIPPED", hold_seconds=60)
    move(bob, ready, "DELIVERED", hold_seconds=60)
    assert 200 == back(olive, ready, "READY", notify=False).status
    time_passes()
    outbox.look()
    outbox.try_again()

    assert [] == mail_server.mails
    assert ["superseded"] * 2 == [of_event(bob, ready, version)[STATUS_MAIL] for version in (5, 6)]


def test_a_correction_leaves_alone_what_it_does_not_take_back(bob, ready, outbox, mail_server, time_passes):
    move(bob, ready, "SHIPPED", hold_seconds=60)
    move(bob, ready, "DELIVERED", hold_seconds=60)
    assert 200 == back(bob, ready, "SHIPPED", notify=False).status
    time_passes()
    outbox.look()
    outbox.try_again()

    assert [f"Your order #{ready['number']} is on its way."] == [mail["Subject"] for mail in mail_server.mails]


def test_a_later_change_does_not_end_the_hold_and_its_mail_waits_for_it(
    bob, ready, outbox, mail_server, time_passes, onward
):
    move(bob, ready, "SHIPPED", hold_seconds=60)
    move(bob, ready, "DELIVERED")
    outbox.run_until_idle()
    outbox.try_again()
    assert [] == mail_server.mails

    time_passes()
    outbox.look()
    for _ in range(2):
        outbox.try_again()
    said = [mail["Subject"].rpartition(" ")[2] for mail in mail_server.mails]
    assert ["way.", "delivered."] == said


def test_a_held_change_whose_answer_was_lost_is_repeated_by_its_key(bob, ready, outbox, receivers):
    body = {"status": "SHIPPED", "hold_seconds": 60}
    path = f"/api/orders/{ready['id']}/status"
    first = bob.request("PATCH", path, body, Idempotency_Key="k-held")

    assert first.json == bob.request("PATCH", path, body, Idempotency_Key="k-held").json
    outbox.run_until_idle()
    assert [] == receivers


def test_nothing_is_missing_of_what_is_held_silent_or_superseded(bob, olive, ready, outbox, onward, app, sql):
    move(bob, ready, "SHIPPED", hold_seconds=60)
    back(bob, ready, "READY", notify=False)
    move(olive, ready, "SHIPPED", notify=False)
    move(bob, ready, "DELIVERED", hold_seconds=60)
    outbox.run_until_idle()
    sql("ALTER TABLE order_events DISABLE TRIGGER USER")
    sql("UPDATE order_events SET at = at - interval '10 minutes' WHERE version > 4")
    sql("ALTER TABLE order_events ENABLE TRIGGER USER")

    with app.app_context():
        found = list(missing(onward.engine.event_types.values(), 1))
    assert [] == [one for one in found if one.event_type == "order"]


RACES = 200


def change_all(person, orders, *statuses, **more):
    changes = [{"order_id": one["id"], "status": to} | more for to in statuses for one in orders]
    for start in range(0, len(changes), 500):
        reply = person.post("/api/orders/status-changes", {"changes": changes[start : start + 500]})
        assert 0 == reply.json["refused"]


def test_nothing_is_sent_that_was_taken_back(cast, bob, outbox, onward, sql):
    """Each hold ends while the correction is made: the entry is either reverted or claimed, never both."""
    orders = [cast.place() for _ in range(RACES)]
    change_all(bob, orders, "CONFIRMED", "PREPARING", "READY")
    change_all(bob, orders, "SHIPPED", hold_seconds=60)
    outbox.run_until_idle()

    def end_holds():
        for order in orders:
            sql("UPDATE outbox SET lease_until = clock_timestamp() WHERE owner < 0 AND order_id = %s", order["id"])
            onward.engine.look()

    ending = gevent.spawn(end_holds)
    for order in orders:
        assert 200 == back(bob, order, "READY", notify=False).status
        gevent.sleep(0)
    ending.get()
    outbox.run_until_idle()
    outbox.look()

    by_mail = "SELECT event_id FROM side_effects WHERE kind = %s AND status {} 'superseded'"
    shipped = {row[0] for row in sql("SELECT id FROM order_events WHERE to_status = 'SHIPPED'")}
    sent, superseded = ({row[0] for row in sql(by_mail.format(sign), STATUS_MAIL)} & shipped for sign in ("<>", "="))
    assert (shipped, set()) == (sent | superseded, sent & superseded)
    assert [] == outbox.rows
