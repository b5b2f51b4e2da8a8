"""Bulk changes: all orders that match are changed in the background, each exactly once, and each has a result."""

from __future__ import annotations

import pytest

from orders import bulk_work
from tests.integration.test_corrections import last_event, life, move

PATH = "/api/bulk-changes"


@pytest.fixture
def orders(cast, outbox):
    placed = [cast.place() for _ in range(5)]
    outbox.run_until_idle()
    return placed


@pytest.fixture
def work(outbox, sql):
    """Work on jobs until none is in progress, a slice at a time."""

    def until_done(slices=20):
        for _ in range(slices):
            outbox.try_again()
            if not sql("SELECT id FROM bulk_changes WHERE finished_at IS NULL"):
                return
        raise AssertionError("a bulk change does not come to its end")

    return until_done


def start(person, status="CONFIRMED", expected=100, filters=None, **more):
    return person.post(PATH, {"status": status, "expected": expected, "filters": filters or {}} | more)


def results(person, job, query=""):
    return person.get(f"{PATH}/{job['id']}/orders{query}").json["orders"]


def test_all_that_match_are_changed_in_the_starters_name(mode, bob, alice, orders, work):
    job = start(bob, filters={"status": "PENDING"}, expected=5)
    assert (202, "running", 5, 0) == (job.status, job.json["state"], job.json["total"], job.json["changed"])

    work()
    done = bob.get(f"{PATH}/{job.json['id']}").json
    assert ("done", 5, 0) == (done["state"], done["changed"], done["skipped"])
    assert {("CONFIRMED", 2)} == {(one["status"], one["version"]) for one in map(bob.order, ids(orders))}
    assert {"role": "seller", "id": bob.id} == last_event(bob, orders[0])["actor"]
    assert any("confirmed" in one["title"] for one in alice.get("/api/notifications").json["notifications"])


def ids(orders):
    return [one["id"] for one in orders]


def test_what_is_skipped_says_why_and_the_rest_is_changed(bob, alice, orders, work):
    move(alice, orders[1], "CANCELLED", reason="Changed my mind")
    job = bob.post(PATH, {"status": "CONFIRMED", "order_ids": [*ids(orders), 999_999_999]}).json
    work()

    assert (4, 2) == tuple(bob.get(f"{PATH}/{job['id']}").json[name] for name in ("changed", "skipped"))
    cancelled, missing = results(bob, job, "?result=skipped")
    assert (orders[1]["id"], orders[1]["number"], "illegal_transition", "CANCELLED") == tuple(
        cancelled[name] for name in ("order_id", "number", "code", "order_status")
    )
    assert ("not_found", None) == (missing["code"], missing["number"])
    assert 4 == len(results(bob, job, "?result=changed"))


def test_its_end_is_a_notification_in_the_starters_inbox_and_live(bob, alice, orders, work, sql):
    move(alice, orders[0], "CANCELLED", reason="Changed my mind")
    job = bob.post(PATH, {"status": "CONFIRMED", "order_ids": ids(orders)}).json
    work()

    (ended,) = [one for one in bob.get("/api/notifications").json["notifications"] if one["kind"] == "bulk_change"]
    assert ("4 of 5 orders changed to Confirmed", "1 skipped", None, job["id"]) == tuple(
        ended[name] for name in ("title", "body", "order_id", "event_id")
    )
    live = "SELECT count(*) FROM live_events WHERE type = 'notification.created' AND data LIKE '%%bulk_change%%'"
    assert [(1,)] == sql(live)


def test_what_is_placed_or_moved_meanwhile_is_not_changed(cast, bob, orders, work):
    start(bob, filters={"status": "PENDING"})
    late = cast.place()
    work()

    assert "PENDING" == bob.order(late["id"])["status"]


def test_more_than_were_expected_are_not_touched(cast, bob, orders):
    cast.place()
    refused = start(bob, filters={"status": "PENDING"}, expected=5)

    assert (409, "count_changed", 6) == (refused.status, refused.json["code"], refused.json["matching"])
    assert (409, 0) == ((none := start(bob, filters={"status": "SHIPPED"})).status, none.json["matching"])
    assert [] == bob.get(PATH).json["bulk_changes"]


def test_more_than_the_most_are_refused(bob, orders, monkeypatch):
    monkeypatch.setattr("orders.bulk_changes.MOST_ORDERS", 4)

    assert (409, "too_many_orders") == ((refused := start(bob)).status, refused.json["code"])


def test_a_person_has_one_at_a_time(bob, olive, orders, work):
    job = start(bob).json

    assert (409, "bulk_change_running") == ((refused := start(bob)).status, refused.json["code"])
    assert 202 == start(olive).status, "somebody else's is another one"
    work()
    assert 202 == start(bob, status="PREPARING", filters={"status": "CONFIRMED"}).status
    assert job["id"] in [one["id"] for one in bob.get(PATH).json["bulk_changes"]]


def test_a_repeated_request_starts_one_job(bob, orders, sql):
    body = {"status": "CONFIRMED", "order_ids": ids(orders)}
    first, again = (bob.post(PATH, body, Idempotency_Key="k-bulk") for _ in range(2))

    assert (202, 202, first.json) == (first.status, again.status, again.json)
    assert [(1,)] == sql("SELECT count(*) FROM bulk_changes")


def test_a_process_that_dies_leaves_the_rest_to_the_next_and_nothing_is_changed_twice(
    bob, orders, outbox, work, onward, monkeypatch, sql
):
    """It dies after the orders are changed, and before their results are recorded."""
    job = bob.post(PATH, {"status": "CONFIRMED", "order_ids": ids(orders)}).json
    monkeypatch.setattr(bulk_work, "ORDERS_TOGETHER", 2)
    monkeypatch.setattr(bulk_work, "_result", _dies)
    outbox.try_again()
    monkeypatch.undo()
    assert [(0, 2)] == sql(
        "SELECT changed, (SELECT count(*)::int FROM orders WHERE status = 'CONFIRMED') FROM bulk_changes"
    )

    work()
    done = bob.get(f"{PATH}/{job['id']}").json
    assert ("done", 5, 0) == (done["state"], done["changed"], done["skipped"])
    assert {2} == {bob.order(id)["version"] for id in ids(orders)}


def _dies(*_):
    raise RuntimeError("killed")


def test_one_that_is_stopped_ends_with_what_was_changed(bob, orders, work, monkeypatch, outbox):
    monkeypatch.setattr(bulk_work, "ORDERS_TOGETHER", 2)
    monkeypatch.setattr(bulk_work, "SLICE_SECONDS", 0.0001)
    job = bob.post(PATH, {"status": "CONFIRMED", "order_ids": ids(orders)}).json
    outbox.try_again()
    stopping = bob.post(f"{PATH}/{job['id']}/stop", None)
    work()

    done = bob.get(f"{PATH}/{job['id']}").json
    assert ("stopping", "stopped", 2, 0) == (stopping.json["state"], done["state"], done["changed"], done["skipped"])
    assert ["changed"] * 2 + ["waiting"] * 3 == [one["result"] for one in results(bob, job)]
    titles = [one["title"] for one in bob.get("/api/notifications").json["notifications"]]
    assert "Stopped: 2 of 5 orders changed to Confirmed" in titles
    assert "stopped" == bob.post(f"{PATH}/{job['id']}/stop", None).json["state"], "once more changes nothing"


def test_it_stops_when_its_starter_may_act_no_longer(bob, olive, orders, work):
    job = bob.post(PATH, {"status": "CONFIRMED", "order_ids": ids(orders)}).json
    assert 200 <= olive.post("/api/ops/revocations", {"role": "seller", "id": bob.id, "reason": "left"}).status < 300
    work()

    done = olive.get(f"{PATH}/{job['id']}").json
    assert ("stopped", 0) == (done["state"], done["changed"])
    assert "PENDING" == olive.order(orders[0]["id"])["status"]


def test_nobody_else_sees_it_but_who_sees_everything(bob, mallory, alice, olive, orders):
    job = start(bob).json
    path = f"{PATH}/{job['id']}"

    assert [404, 403, 200] == [one.get(path).status for one in (mallory, alice, olive)]
    assert 404 == mallory.post(f"{path}/stop", None).status
    assert [] == mallory.get(PATH).json["bulk_changes"]
    assert 404 == mallory.get(f"{path}/orders").status


def test_others_orders_match_no_filter(mallory, orders):
    assert 409 == start(mallory, filters={}).status


@pytest.mark.parametrize(
    "wrong",
    [
        {"filters": {}},
        {"expected": 5},
        {"order_ids": [1], "filters": {}, "expected": 1},
        {"order_ids": [1], "expected": 1},
        {"order_ids": []},
        {"filters": {"status": "NO"}, "expected": 5},
        {"order_ids": [1], "status": "NO"},
    ],
)
def test_what_is_not_clear_is_refused(bob, wrong):
    assert 422 == bob.post(PATH, {"status": "CONFIRMED"} | wrong).status


def test_a_dead_one_is_stopped_all_the_same(bob, orders, work, sql):
    job = start(bob).json
    sql("UPDATE side_effects SET status = 'dead' WHERE kind = 'orders.bulk_change'")
    bob.post(f"{PATH}/{job['id']}/stop", None)
    work()

    assert "stopped" == bob.get(f"{PATH}/{job['id']}").json["state"]


def test_what_people_wrote_is_erased_with_the_buyer(bob, olive, alice, orders, work, sql):
    start(bob, status="CANCELLED", reason="Alice moved", filters={"q": "alice"})
    work()
    olive.post("/api/ops/personal-data/erase", {"buyer_id": alice.id, "reason": "asked"})

    assert [(None, None)] == sql("SELECT reason, filters FROM bulk_changes")


def test_old_ones_are_pruned_with_their_orders(app, bob, orders, work, onward, sql):
    start(bob)
    work()
    onward.pruner.prune()
    assert [(5,)] == sql("SELECT count(*) FROM bulk_change_orders")
    sql("UPDATE bulk_changes SET finished_at = finished_at - interval '400 days'")
    onward.pruner.prune()

    assert [(0, 0)] == sql("SELECT (SELECT count(*) FROM bulk_changes), (SELECT count(*) FROM bulk_change_orders)")


def test_life_goes_on_beside_it(bob, orders, work):
    """An order that moves on meanwhile is skipped, or has been changed before."""
    start(bob, filters={"status": "PENDING"})
    life(bob, orders[0], "CONFIRMED")
    work()

    assert {"CONFIRMED"} == {bob.order(id)["status"] for id in ids(orders)}
