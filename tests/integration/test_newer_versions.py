"""Two versions side by side: what one recorded and the other does not know is left to the former."""

from __future__ import annotations

import pytest

from orders.signals import order_status_changed
from side_effects.rows import UNKNOWN_DAYS
from tests.integration.conftest import forget

NEW_BIT = 1 << 20
failing = [True]
told = []


def tell_the_drone(event, **_):
    """A receiver that only the newer version has."""
    if failing[0]:
        raise RuntimeError("the drone is away")
    told.append(event.to_status)


@pytest.fixture
def failed(placed, bob, outbox):
    """A call of the newer version's receiver that failed at its first try; then its process was stopped."""
    failing[0] = True
    told.clear()
    order_status_changed.connect(tell_the_drone)
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    order_status_changed.disconnect(tell_the_drone)
    failing[0] = False
    yield [("signal.order_status_changed", f"{__name__}.tell_the_drone")]
    order_status_changed.disconnect(tell_the_drone)


def test_a_retry_waits_for_a_process_that_knows_the_receiver(failed, outbox):
    """The older version took it, found nobody of that name, and wrote it off."""
    outbox.try_again()
    assert [(*failed[0], "pending", 1)] == outbox.effects
    order_status_changed.connect(tell_the_drone)
    outbox.try_again()

    assert ["CONFIRMED"] == told
    assert [(*failed[0], "succeeded", 2)] == outbox.effects


def test_what_nobody_knows_for_a_week_is_dead(failed, outbox, onward, sql):
    worker = onward.engine.worker
    for days, status in ((UNKNOWN_DAYS - 1, "pending"), (UNKNOWN_DAYS + 1, "dead")):
        sql(f"UPDATE side_effects SET scheduled_at = clock_timestamp() - interval '{days} days'")
        worker._looked_fully_at = float("-inf")
        worker.look()
        assert [(*failed[0], status, 1)] == outbox.effects
    assert "any more" in sql("SELECT last_error FROM side_effects")[0][0]


def test_an_effect_that_is_not_known_stays_in_the_outbox(placed, bob, alice, onward, outbox, sql):
    """What this process knows of the entry is done; the rest is free for who knows it, and is not taken again."""
    bob.move(placed["id"], "CONFIRMED")
    forget(onward.engine)
    sql(f"UPDATE outbox SET pending = pending | {NEW_BIT}, owner = 0, lease_until = clock_timestamp()")
    outbox.look()
    assert [("order", placed["id"], NEW_BIT)] == outbox.rows
    assert 2 == len(alice.get("/api/notifications").json["notifications"])
    sql("UPDATE outbox SET owner = 0, lease_until = clock_timestamp()")

    assert 0 == outbox.look()
    assert [(0,)] == sql("SELECT owner FROM outbox")


def test_work_of_a_kind_that_is_not_known_is_left_alone(onward, outbox, sql):
    sql(
        "INSERT INTO side_effects (kind, destination, event_type, event_id, order_id) VALUES ('parcel.label', 'x', "
        "'y', 1, 1)"
    )
    sql(
        """INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
        VALUES ('parcel', 1, 1, 1, '', 0, clock_timestamp())"""
    )

    assert (0, 0) == (onward.engine.worker.look(), outbox.look())
    assert [("parcel.label", "x", "pending", 0)] == outbox.effects
    assert [(0,)] == sql("SELECT owner FROM outbox WHERE event_type = 'parcel'")
