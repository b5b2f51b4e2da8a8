"""Timed transitions: an order that has been in a status for long enough is moved on by the service itself."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from cli import init_commands
from orders import isolation
from orders.effects import timer
from orders.workflow_file import DEFAULT
from process import onward_of
from side_effects import rows
from tests.integration.conftest import Outbox, send_through

WEEK = 7 * 24 * 3600


@pytest.fixture
def delivered(cast, bob, outbox):
    """An order of alice's that was delivered a moment ago."""
    order = cast.place()
    deliver(bob, order["id"])
    outbox.run_until_idle()
    return order


def deliver(bob, order_id):
    for status in ("CONFIRMED", "PREPARING", "SHIPPED", "DELIVERED"):
        assert 200 == bob.move(order_id, status).status


@pytest.fixture
def waiting(sql):
    """The timers: order, status, and seconds from the change that set them."""
    return lambda: sql(
        """SELECT s.order_id, s.status, extract(epoch FROM s.scheduled_at - e.at)::int FROM side_effects s
        JOIN order_events e ON e.id = s.event_id WHERE s.kind = %s ORDER BY s.id""",
        timer.KIND,
    )


def history(person, order_id):
    return [
        (event["to_status"], event["actor"]["role"])
        for event in person.get(f"/api/orders/{order_id}/history").json["events"]
    ]


def test_a_delivered_order_gets_a_timer_by_the_databases_clock(delivered, waiting):
    assert [(delivered["id"], "pending", WEEK)] == waiting()


def test_when_its_time_has_come_the_service_moves_it(alice, bob, delivered, outbox, waiting):
    outbox.try_again()

    assert ("COMPLETED", "system") == history(bob, delivered["id"])[-1]
    assert ("succeeded",) == waiting()[0][1:2]
    assert {"role": "system", "id": 0} == bob.get(f"/api/orders/{delivered['id']}/history").json["events"][-1]["actor"]


def test_everything_follows_as_after_any_change(alice, bob, delivered, outbox, sql):
    sql("TRUNCATE realtime_packs, realtime_events, notifications, messages")
    outbox.try_again()

    assert [(f"seller:{bob.id}",), (f"buyer:{alice.id}",)] == sql(
        "SELECT channel FROM live_events WHERE type = 'order.status_changed' ORDER BY seq"
    )
    kinds = "SELECT kind, recipient_role FROM notifications ORDER BY kind, recipient_role"
    assert [("generic", "buyer"), ("generic", "seller"), ("status", "buyer"), ("status", "seller")] == sql(kinds)
    assert [("Status changed to Completed",)] == sql("SELECT body FROM messages")
    assert [] == outbox.rows


def test_one_whose_order_is_locked_is_tried_again_and_holds_up_no_other(
    cast, bob, delivered, outbox, waiting, settings, monkeypatch
):
    """It says nothing of the database, nor of the other timers."""
    monkeypatch.setattr(isolation, "PATIENCE_SECONDS", 0.1)
    other = cast.place()["id"]
    deliver(bob, other)
    outbox.run_until_idle()
    with closing(psycopg2.connect(settings.dsn)) as somebody:
        somebody.cursor().execute("SELECT FROM orders WHERE id = %s FOR UPDATE", (delivered["id"],))
        outbox.try_again()

    assert ["pending", "succeeded"] == [status for _, status, _ in waiting()]
    assert ("COMPLETED", "system") == history(bob, other)[-1]
    outbox.try_again()
    assert ("COMPLETED", "system") == history(bob, delivered["id"])[-1]


def test_before_its_time_nothing_happens(bob, delivered, onward, waiting):
    onward.engine.worker.look()

    assert "pending" == waiting()[0][1]
    assert "DELIVERED" == bob.order(delivered["id"])["status"]


def test_an_order_that_moves_on_takes_its_timer_along(alice, delivered, outbox, waiting):
    alice.move(delivered["id"], "RETURN_REQUESTED", "Chipped")
    outbox.run_until_idle()

    assert ["discarded"] == [status for _, status, _ in waiting()]
    assert [("RETURN_REQUESTED", "buyer")] == history(alice, delivered["id"])[-1:]


def test_an_order_that_came_and_went_in_one_batch_gets_no_timer(cast, alice, bob, outbox, waiting):
    order = cast.place()
    deliver(bob, order["id"])
    alice.move(order["id"], "COMPLETED")
    outbox.run_until_idle()

    assert [] == waiting()
    assert [] == outbox.rows


def test_a_timer_that_is_late_changes_nothing(alice, delivered, outbox, sql, onward, waiting):
    """The order has moved on, and the batch that would have dropped the timer was not written yet."""
    alice.move(delivered["id"], "RETURN_REQUESTED", "Chipped")
    sql("UPDATE side_effects SET scheduled_at = clock_timestamp()")
    onward.engine.worker.look()
    onward.engine.worker.wait_until_quiet()

    assert [("RETURN_REQUESTED", "buyer")] == history(alice, delivered["id"])[-1:]
    assert [("the order moved on",)] == sql("SELECT last_error FROM side_effects WHERE kind = %s", timer.KIND)


def test_a_timer_that_fires_twice_moves_the_order_once(bob, delivered, outbox, sql):
    """A process died after its change was committed, and before that was written down."""
    outbox.try_again()
    sql("UPDATE side_effects SET status = 'pending', finished_at = NULL WHERE kind = %s", timer.KIND)
    outbox.try_again()

    assert [("COMPLETED", "system")] == [entry for entry in history(bob, delivered["id"]) if entry[1] == "system"]
    assert [("succeeded", 2)] == sql("SELECT status, attempts FROM side_effects WHERE kind = %s", timer.KIND)


def test_nobody_waits_for_a_timer(cast, bob, outbox, onward):
    """`Prefer: wait` asks for what the change caused now; the history tells no more of it."""
    order = cast.place()
    deliver(bob, order["id"])
    outbox.run_until_idle()

    event = bob.get(f"/api/orders/{order['id']}/history").json["events"][-1]
    assert {"succeeded"} == {effect["status"] for effect in event["effects"]}
    assert "order.timer" in [effect["effect"] for effect in event["effects"]]
    assert onward.engine.wait_for(onward.engine.event_types["order"], order["id"], event["id"], 0)


def test_only_changes_to_or_from_a_timed_status_record_a_timer(bob, alice, delivered, sql):
    alice.move(delivered["id"], "COMPLETED")

    assert [0, 0, 0, 0, 256, 256] == [
        bits & 256
        for (bits,) in sql("SELECT effect_bits FROM order_events WHERE order_id = %s ORDER BY version", delivered["id"])
    ]


def test_a_sequential_installation_does_not_fire_at_once(app_with, settings, empty, sql, waiting):
    app = app_with(side_effects_mode="sequential")
    cast = send_through(app, settings)
    order = cast.place()
    deliver(cast.bob, order["id"])

    assert "DELIVERED" == cast.bob.order(order["id"])["status"]
    assert [(order["id"], "pending", WEEK)] == waiting()


def test_a_new_order_may_have_a_timer_too(app_with, tmp_path, settings, empty, sql, waiting):
    """Not confirmed within an hour: cancelled."""
    table = tmp_path / "own.toml"
    own = '[[transitions]]\nfrom = "PENDING"\nto = "CANCELLED"\n'
    timed = (
        own + 'roles = ["system", "seller"]\nafter = "1 hour"\n\n[[transitions]]\nfrom = "PENDING"\nto = "REFUNDED"\n'
    )
    table.write_text(DEFAULT.read_text().replace(own, timed))
    app = app_with(order_workflow=table)
    cast = send_through(app, settings)
    order = cast.place()
    own_outbox = Outbox(app.extensions["onward"], sql)
    own_outbox.run_until_idle()

    assert [(order["id"], "pending", 3600)] == waiting()
    own_outbox.try_again()
    assert [("PENDING", "service"), ("CANCELLED", "system")] == history(cast.bob, order["id"])


def test_the_table_says_when(alice):
    moves = alice.get("/api/workflow").json["transitions"]

    assert {("DELIVERED", "COMPLETED", WEEK)} == {
        (one["from"], one["to"], one["after_seconds"]) for one in moves if one["after_seconds"]
    }


def test_orders_that_stood_there_before_the_table_had_a_timer_get_theirs(app, delivered, waiting, sql):
    sql("DELETE FROM side_effects")
    init_commands(app)
    run = app.test_cli_runner()

    assert run.invoke(args=["workflow", "align"]).output.endswith(" 1 timers set\n")
    assert [(delivered["id"], "pending", WEEK)] == waiting()
    assert run.invoke(args=["workflow", "align"]).output.endswith(" 1 timers set\n")
    assert 1 == len(waiting())


def test_a_sick_clock_lets_no_timer_fire_early(delivered, onward, sql, waiting):
    """A circuit that closes makes due what had been tried, and probes it; a timer has its moment."""
    sql(
        """INSERT INTO circuits (destination, state, probes) VALUES (%s, 'half-open', 3)
        ON CONFLICT (destination) DO UPDATE SET state = excluded.state, probes = excluded.probes""",
        timer.DESTINATION,
    )
    run = onward.engine.durable_pool.run

    assert [] == run(rows.PROBE, (timer.DESTINATION, timer.KIND, 1))
    assert [] == run(rows.PACE, (timer.DESTINATION, 100.0))
    assert [(delivered["id"], "pending", WEEK)] == waiting()


def test_orders_are_open_as_a_new_table_says(app, delivered, bob, sql):
    """A table that was replaced had made their status final, or not."""
    sql("UPDATE orders SET open = NOT open, closed_as = status")
    assert [] == bob.get("/api/orders?status=DELIVERED").json["orders"]
    init_commands(app)

    output = app.test_cli_runner().invoke(args=["workflow", "align"]).output

    assert output.startswith("1 orders opened or closed")
    assert [delivered["id"]] == [order["id"] for order in bob.get("/api/orders?status=DELIVERED").json["orders"]]
    assert [(None,)] == sql("SELECT closed_as FROM orders")
    sql("UPDATE orders SET status = 'COMPLETED'")
    app.test_cli_runner().invoke(args=["workflow", "align"])
    assert [(False, "COMPLETED")] == sql("SELECT open, closed_as FROM orders")


def test_a_timer_that_ended_without_a_move_begins_anew(app, delivered, waiting, sql):
    """It was due while the table had no move for it."""
    sql("UPDATE side_effects SET status = 'succeeded', finished_at = clock_timestamp()")
    init_commands(app)
    app.test_cli_runner().invoke(args=["workflow", "align"])

    assert [(delivered["id"], "pending", WEEK)] == waiting()


def since_first(text):
    return text.replace('after = "7 days"', 'after = "7 days"\nsince = "first"')


def test_a_timer_may_count_from_the_first_time(app_with, settings, tmp_path, empty, sql, waiting):
    """Going back and forth would prolong it for ever."""
    table = tmp_path / "first.toml"
    table.write_text(since_first(DEFAULT.read_text()))
    app = app_with(order_workflow=table)
    cast, outbox = send_through(app, settings), Outbox(onward_of(app), sql)
    order = cast.place()
    deliver(cast.bob, order["id"])
    sql("ALTER TABLE order_events DISABLE TRIGGER USER")
    sql("UPDATE order_events SET at = at - interval '1 day'")
    sql("ALTER TABLE order_events ENABLE TRIGGER USER")
    assert 200 == cast.olive.move(order["id"], "SHIPPED", "misclick").status
    assert 200 == cast.olive.move(order["id"], "DELIVERED").status
    outbox.run_until_idle()

    found = [(status, round(seconds, -1)) for _, status, seconds in waiting() if status == "pending"]
    assert [("pending", WEEK - 24 * 3600)] == found


def test_a_timer_survives_what_changes_beside_the_status(alice, bob, delivered, outbox, sql, waiting):
    """An edit is a version too."""
    sql("UPDATE orders SET version = version + 1")
    sql(
        """INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id,
            buyer_id, idempotency_key, request_id) SELECT order_id, version + 1, 'order.updated', to_status, to_status,
            actor_role, actor_id, seller_id, buyer_id, 'edited', '' FROM order_events ORDER BY id DESC LIMIT 1"""
    )
    outbox.try_again()

    assert ("COMPLETED", "system") == history(bob, delivered["id"])[-1]
