"""The effects of a change: each once, in the specified order."""

from __future__ import annotations

import gevent
import orjson
import psycopg2.errors
import pytest

from orders.effects.signal import BIT as SIGNAL
from orders.signals import DestinationRefused, Undeliverable, order_status_changed
from process import onward_of
from tests.facts import eventually
from tests.integration.conftest import forget, send_through


def live(sql, channel):
    rows = sql("SELECT type, data FROM live_events WHERE channel = %s ORDER BY seq", channel)
    return [(type, orjson.loads(data)) for type, data in rows]


@pytest.fixture
def confirmed(mode, placed, bob, outbox, sql):
    sql("TRUNCATE realtime_packs, realtime_events, notifications")
    order = bob.move(placed["id"], "CONFIRMED").json
    outbox.run_until_idle()
    return order


def test_both_sides_see_the_order_live_each_with_what_it_may_do_next(confirmed, alice, bob, sql):
    (_, sellers), *_ = live(sql, f"seller:{bob.id}")
    (_, buyers), *_ = live(sql, f"buyer:{alice.id}")

    assert confirmed == sellers["order"]
    own = {"allowed_transitions": ["CANCELLED"], "buyer_email": "alice@example.org"}
    assert confirmed | own == buyers["order"]
    assert ("CONFIRMED", 2) == (sellers["event"]["to_status"], sellers["event"]["version"])


def test_the_log_follows_the_order_of_the_mission(confirmed, bob, alice, sql):
    assert [
        (f"seller:{bob.id}", "order.status_changed"),
        (f"buyer:{alice.id}", "order.status_changed"),
        (f"buyer:{alice.id}", "notification.created"),
        (f"buyer:{alice.id}", "notification.created"),
        (f"buyer:{alice.id}", "message.created"),
        (f"seller:{bob.id}", "message.created"),
    ] == sql("SELECT channel, type FROM live_events ORDER BY seq")


def test_the_side_that_did_not_act_is_notified_in_general_and_in_the_words_of_the_status(confirmed, alice, bob):
    to_alice = alice.get("/api/notifications").json
    to_bob = bob.get("/api/notifications").json

    number = confirmed["number"]
    assert [("status", f"Your order #{number} was confirmed."), ("generic", f"Order #{number}")] == [
        (one["kind"], one["title"]) for one in to_alice["notifications"]
    ]
    assert [] == to_bob["notifications"]
    assert (1, 0) == (to_alice["unread_count"], to_bob["unread_count"])


def test_when_neither_side_acted_both_get_the_words_of_the_status(mode, placed, olive, alice, bob, outbox):
    olive.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()

    for person in (alice, bob):
        assert "status" in [one["kind"] for one in person.get("/api/notifications").json["notifications"]]


def test_the_conversation_gets_one_system_message_in_each_sides_words(confirmed, alice, bob):
    path = f"/api/orders/{confirmed['id']}/messages"

    assert [("system", "Status changed to Confirmed")] == [
        (one["kind"], one["body"]) for one in bob.get(path).json["messages"]
    ]
    assert ["Order confirmed"] == [one["body"] for one in alice.get(path).json["messages"]]


def test_nothing_is_pending_when_everything_is_done(confirmed, outbox):
    assert [] == outbox.rows


def test_quotes_and_percent_signs_travel_unharmed(cast, bob, alice, outbox, sql):
    name = """O'Neil "100 %" \\ {number} \u2028 </script>"""
    order = cast.place()
    sql("UPDATE orders SET buyer_name = %s", name)  # as one from before a line end was refused
    outbox.run_until_idle()

    (_, seen), *_ = live(sql, f"seller:{bob.id}")
    assert name == seen["order"]["buyer_name"] == bob.order(order["id"])["buyer_name"]


heard = []


def _hear(event, **_):
    heard.append(event)


def _raise(event, **_):
    raise raised[0]


raised = [RuntimeError("a receiver of the shop's own")]


@pytest.fixture(params=[RuntimeError("the shop's own"), gevent.Timeout(1)], ids=lambda one: type(one).__name__)
def whatever(request):
    """What a receiver may raise."""
    raised[0] = request.param
    yield
    raised[0] = RuntimeError("a receiver of the shop's own")


@pytest.fixture
def receivers():
    heard.clear()
    order_status_changed.connect(_raise)
    order_status_changed.connect(_hear)
    yield heard
    order_status_changed.disconnect(_raise)
    order_status_changed.disconnect(_hear)


def test_receivers_get_the_event_and_a_raising_one_hurts_nobody(mode, whatever, placed, bob, outbox, receivers, caplog):
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()

    assert [("PENDING", "CONFIRMED", 2)] == [(one.from_status, one.to_status, one.version) for one in receivers]
    assert [] == outbox.rows
    raising = "tests.integration.test_effects._raise"
    assert [("signal.order_status_changed", raising, "pending", 1)] == outbox.effects
    outbox.try_again()
    assert [("signal.order_status_changed", raising, "pending", 2)] == outbox.effects
    assert 1 == len(receivers), "the other one is not called again"
    assert "Receiver of order_status_changed failed" in caplog.text
    assert 1 == len(bob.get(f"/api/orders/{placed['id']}/messages").json["messages"])


@pytest.mark.parametrize(
    ("error", "left", "circuits"),
    [
        (Undeliverable("they answered 422"), ("dead", 2), []),
        (DestinationRefused("our key is not taken"), ("pending", 1), ["open"]),
    ],
    ids=["of the event", "of the destination"],
)
def test_a_receiver_says_whose_fault_it_is(mode, placed, bob, outbox, sql, error, left, circuits):
    """A destination that answered 401 spent the attempts of all its events, one after the other."""

    def refuse(_event, **_):
        raise error

    with order_status_changed.connected_to(refuse):
        bob.move(placed["id"], "CONFIRMED")
        outbox.run_until_idle()
        outbox.try_again()

    assert [left] == [row[2:] for row in outbox.effects]
    assert circuits == [state for (state,) in sql("SELECT state FROM circuits")]


def test_the_entry_of_a_dead_process_is_completed_by_another(placed, bob, alice, outbox, onward, sql, receivers):
    """It was committed, and then the process was gone."""
    bob.move(placed["id"], "CONFIRMED")
    forget(onward.engine)
    sql("UPDATE outbox SET owner = 0, lease_until = clock_timestamp()")

    assert 1 == eventually(outbox.look)  # its call may still hold the row, to set the receiver that raised aside
    outbox.try_again()
    assert [] == outbox.rows
    assert 2 == len(alice.get("/api/notifications").json["notifications"])
    assert {"CONFIRMED"} == {one.to_status for one in receivers}


@pytest.mark.parametrize(("owner", "spent"), [("nextval('process_seq')", (1, 1)), ("0", (0, 0))])
def test_a_receivers_crash_is_counted_and_a_graceful_stop_is_not(placed, bob, outbox, sql, receivers, owner, spent):
    """An owner that is gone died over it, for all we know; a process that stops hands back without an owner."""
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    sql("TRUNCATE side_effects")
    sql(
        "INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)"
        f" SELECT 'order', id, order_id, %s, '', {owner}, clock_timestamp() FROM order_events WHERE version = 2",
        1 << SIGNAL,
    )

    assert 1 == eventually(outbox.look)  # leases count only when PostgreSQL has been up for a while
    assert {spent} == set(sql("SELECT attempts, crashes FROM side_effects"))


def test_an_entry_whose_answer_was_lost_is_found_by_its_own_process(placed, bob, onward, outbox, sql, receivers):
    """It lay there until its lease ended, and the receivers' part then counted as a crash."""
    onward.engine.look()
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    sql("TRUNCATE side_effects")
    sql(
        "INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)"
        " SELECT 'order', id, order_id, %s, '', %s, clock_timestamp() + interval '6 s' FROM order_events"
        " WHERE version = 2",
        1 << SIGNAL,
        onward.engine.owner,
    )

    assert 1 == outbox.look()
    assert [] == outbox.rows
    assert {(0, 0)} == set(sql("SELECT attempts, crashes FROM side_effects"))


def test_a_call_that_cannot_be_given_a_row_is_not_made(placed, bob, onward, outbox, sql, receivers, monkeypatch):
    """It was made all the same, though it may have ended the process that had it before."""
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    sql("TRUNCATE side_effects")
    receivers.clear()
    sql(
        "INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)"
        " SELECT 'order', id, order_id, %s, '', 0, clock_timestamp() FROM order_events WHERE version = 2",
        1 << SIGNAL,
    )

    def refuse(*_args):
        raise psycopg2.errors.LockNotAvailable

    monkeypatch.setattr(onward.engine.writer.deferral, "_run", refuse)
    assert 1 == outbox.look()
    assert [] == receivers
    assert [("order", placed["id"], 1 << SIGNAL)] == outbox.rows


def _leave(event, **_):
    raise SystemExit("a receiver that is tired of it")


def test_a_receiver_that_ends_its_process_is_not_handed_back_as_if_it_had_not_been_called(
    app_with, settings, sql, empty
):
    app = app_with(side_effects_mode="sequential")
    engine, cast = onward_of(app).engine, send_through(app, settings)
    order = cast.place()
    engine.finish()
    engine.look()
    with order_status_changed.connected_to(_leave), pytest.raises(SystemExit):
        cast.bob.move(order["id"], "CONFIRMED")
    engine.stop()

    assert (engine.owner,) in sql("SELECT owner FROM outbox"), "it is found, and counted as a crash"


def test_an_engine_that_was_never_started_waits_for_nobody(app_with, settings, sql, empty):
    app = app_with()
    order = send_through(app, settings).place()

    with gevent.Timeout(60):
        onward_of(app).engine.stop(timeout=600)

    assert [(order["id"], 0)] == sql("SELECT order_id, owner FROM outbox"), "handed back to those who run"


def test_an_entry_that_is_under_way_elsewhere_is_left_alone(placed, bob, onward, sql, outbox):
    bob.move(placed["id"], "CONFIRMED")
    forget(onward.engine)

    assert 0 == outbox.look()


def test_doing_it_twice_changes_nothing(placed, bob, onward, outbox, sql):
    bob.move(placed["id"], "CONFIRMED")
    (row,) = sql("SELECT event_type, event_id, order_id, pending, request_id FROM outbox")
    outbox.run_until_idle()
    before = sql("SELECT count(*) FROM notifications") + sql("SELECT count(*) FROM messages")
    sql(
        "INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, lease_until)"
        " VALUES (%s, %s, %s, %s, %s, clock_timestamp())",
        *row,
    )

    assert 1 == outbox.look()
    assert before == sql("SELECT count(*) FROM notifications") + sql("SELECT count(*) FROM messages")


def test_what_a_newer_version_recorded_is_left_to_it(placed, bob, alice, outbox, onward, sql):
    """Its row was deleted with the rest, as if all of it had been done."""
    bob.move(placed["id"], "CONFIRMED")
    forget(onward.engine)
    sql("UPDATE outbox SET owner = 0, lease_until = clock_timestamp(), pending = pending | %s", 1 << 20)

    assert 1 == eventually(outbox.look)
    outbox.run_until_idle()

    assert 2 == len(alice.get("/api/notifications").json["notifications"])
    assert [(1 << 20,)] == eventually(lambda: [one for one in sql("SELECT pending FROM outbox") if one == (1 << 20,)])
    sql("TRUNCATE outbox")
