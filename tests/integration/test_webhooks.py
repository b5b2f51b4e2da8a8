"""Webhooks: whoever asked for it is told of a change, signed, in order, and as long as it takes."""

from __future__ import annotations

import pytest
from gevent import sleep
from standardwebhooks import WebhookVerificationError

from cli import init_commands
from foundation.event_schemas import delivered, type_of
from tests.integration.conftest import send_through
from tests.integration.webhook_receiver import receiving
from webhooks import attempt_log, endpoints
from webhooks.deliveries import AT_ONCE
from webhooks.matching import KIND, TYPES


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def deliver(onward, outbox):
    """Let everything be delivered that is due, as often as something is."""

    def deliver():
        outbox.run_until_idle()
        while onward.engine.worker.look():
            outbox.run_until_idle()

    return deliver


@pytest.fixture
def retry(sql, deliver):
    """Make everything due, and deliver it."""

    def retry():
        sql("UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE status = 'pending'")
        deliver()

    return retry


def hook(person, url, **changes):
    """An endpoint of somebody's; returns the answer's content."""
    reply = person.post("/api/webhooks", {"url": url, "event_types": ["*"]} | changes)
    assert reply.status == 201, reply
    return reply.json


def write(onward):
    """Let the effects of what was committed be written, and wait for no delivery."""
    while not onward.engine.writer.quiet:
        onward.engine.writer.flush()


def test_a_change_is_delivered_and_signed(mode, cast, bob, receiver, deliver):
    mine = hook(bob, receiver.url, headers={"X-Shop": "bob"})
    order = cast.place()
    assert 200 == bob.move(order["id"], "CONFIRMED").status
    deliver()

    created, changed = receiver.got
    assert ("order.created", "order.status_changed") == (created.json["type"], changed.json["type"])
    said = changed.verified_by(mine["secret"])
    event = bob.get(f"/api/orders/{order['id']}/history").json["events"][1]
    assert (f"order_{event['id']}", "CONFIRMED", 2) == (said["id"], said["order"]["status"], said["version"])
    assert changed.id == said["id"]
    assert changed.headers["traceparent"] == said["traceparent"]
    assert "bob" == changed.headers["x-shop"]
    with pytest.raises(WebhookVerificationError):
        changed.verified_by("whsec_" + "A" * 44)


def test_what_is_delivered_is_what_the_stream_says(cast, bob, receiver, deliver):
    """One schema for each type; a receiver and a reader of the stream can share their code."""
    hook(bob, receiver.url)
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    bob.request("PATCH", f"/api/orders/{order['id']}", {"note": "fragile"})
    deliver()

    wanted = ("order.created", "order.status_changed", "order.updated")
    streamed = {e["type"]: e["data"] for e in bob.get("/api/events").json["events"] if e["type"] in wanted}
    sent = {one.json["type"]: one.json for one in receiver.got}
    assert set(wanted) == streamed.keys() == sent.keys()
    for name in wanted:
        for member in ("id", "version", "traceparent"):
            del sent[name][member]
        assert streamed[name]["event"] == sent[name]["event"]
        assert streamed[name].keys() == sent[name].keys()
        assert streamed[name]["at"] == sent[name]["at"]
    assert streamed["order.updated"] == sent["order.updated"]


def test_the_contract_has_every_type_that_can_be_heard_of():
    assert sorted(TYPES) == sorted(type_of(model) for model in delivered())


def test_a_stranger_hears_nothing_and_the_marketplace_everything(cast, bob, mallory, olive, sql, deliver):
    with receiving() as hers, receiving() as ours:
        hook(mallory, hers.url)
        hook(olive, ours.url)
        cast.place()
        deliver()

        assert [] == hers.got
        assert "alice@example.org" == ours.got[0].json["order"]["buyer_email"]
    assert 1 == sql("SELECT count(*) FROM side_effects")[0][0]


def test_an_endpoint_hears_only_what_it_asked_for(cast, bob, receiver, deliver):
    hook(bob, receiver.url, event_types=["order.status_changed"], filter={"statuses": ["PREPARING"]}, payload="thin")
    order = cast.place()
    for status in ("CONFIRMED", "PREPARING", "SHIPPED"):
        bob.move(order["id"], status)
    deliver()

    (said,) = [one.json for one in receiver.got]
    assert ({"id": order["id"]}, 3) == (said["order"], said["version"])
    assert "Alice" not in str(said)


def test_the_order_of_an_orders_events_is_kept_and_others_go_ahead(cast, bob, receiver, deliver, retry):
    hook(bob, receiver.url, event_types=["order.status_changed"])
    first, other = cast.place(), cast.place()
    receiver.will(500)
    bob.move(first["id"], "CONFIRMED")
    deliver()
    bob.move(first["id"], "PREPARING")
    bob.move(other["id"], "CONFIRMED")
    deliver()
    retry()

    assert [(first["id"], 2), (other["id"], 2), (first["id"], 2), (first["id"], 3)] == [
        (one.json["order"]["id"], one.json["version"]) for one in receiver.got
    ]
    assert receiver.got[0].id == receiver.got[2].id


def test_the_order_is_kept_in_sequential_mode_too(onward, cast, bob, receiver, retry):
    onward.engine.modes.learn({"*": "sequential"})
    hook(bob, receiver.url, event_types=["order.status_changed"])
    order = cast.place()
    receiver.will(500)
    bob.move(order["id"], "CONFIRMED")
    bob.move(order["id"], "PREPARING")
    onward.engine.modes.learn({})
    retry()

    assert [2, 2, 3] == [one.json["version"] for one in receiver.got]


def test_an_endpoint_that_is_gone_is_disabled_and_gets_everything_when_it_is_back(cast, bob, receiver, deliver):
    mine = hook(bob, receiver.url, event_types=["order.status_changed"])
    order = cast.place()
    receiver.will(410)
    bob.move(order["id"], "CONFIRMED")
    deliver()
    bob.move(order["id"], "PREPARING")
    deliver()
    shown = bob.get(f"/api/webhooks/{mine['id']}").json
    assert (True, 2, 1) == (shown["disabled"], shown["waiting"], len(receiver.got))
    assert "410" in shown["disabled_reason"]

    reply = bob.request("PATCH", f"/api/webhooks/{mine['id']}", {"disabled": False, "rate_per_second": 1000})
    assert (200, False, "") == (reply.status, reply.json["disabled"], reply.json["disabled_reason"])
    wait_for(lambda: deliver() or len(receiver.got) == 3)

    assert [2, 2, 3] == [one.json["version"] for one in receiver.got]


def wait_for(fact):
    """Return when it is one; what was paced is due within milliseconds."""
    for _ in range(1000):
        if fact():
            return
        sleep(0.01)
    raise AssertionError("it did not happen")


def test_an_endpoint_that_asks_for_a_pause_gets_one(cast, bob, receiver, deliver, retry, sql):
    hook(bob, receiver.url, event_types=["order.created"])
    receiver.will(503, Retry_After="60")
    cast.place()
    deliver()
    cast.place()
    retry()

    assert 1 == len(receiver.got)
    sql("UPDATE webhook_endpoints SET waits_until = clock_timestamp()")
    retry()
    assert 3 == len(receiver.got)


def test_a_rate_is_not_exceeded(cast, bob, receiver, onward, outbox, sql):
    """Two a second: one at once, and no further one before half a second has passed."""
    hook(bob, receiver.url, event_types=["order.created"], rate_per_second=2)
    for _ in range(3):
        cast.place()
    outbox.run_until_idle()

    assert 1 == onward.engine.worker.look()
    assert 0 == onward.engine.worker.look()
    sql("UPDATE webhook_endpoints SET paced_until = paced_until - interval '500 ms'")
    assert 1 == onward.engine.worker.look()


def test_an_endpoint_that_hangs_takes_five_places_and_leaves_the_others(cast, bob, receiver, onward, outbox):
    with receiving() as hanging:
        hanging.free.clear()
        hook(bob, hanging.url, event_types=["order.created"])
        for _ in range(AT_ONCE + 3):
            cast.place()
        write(onward)
        onward.engine.worker.look()
        wait_for(lambda: hanging.at_once == AT_ONCE)
        mine = hook(bob, receiver.url, event_types=["order.created"])
        cast.place()
        write(onward)
        onward.engine.worker.look()
        wait_for(lambda: len(receiver.got) == 1)

        assert AT_ONCE == hanging.most_at_once
        assert receiver.got[0].verified_by(mine["secret"])
        hanging.free.set()
    outbox.run_until_idle()


def test_while_a_secret_is_replaced_both_sign_and_then_the_old_one_is_gone(app, cast, bob, receiver, deliver, sql):
    mine = hook(bob, receiver.url, event_types=["order.created"])
    rotated = bob.post(f"/api/webhooks/{mine['id']}/secret", {"keep_days": 7}).json
    cast.place()
    deliver()
    assert receiver.got[0].verified_by(mine["secret"])
    assert receiver.got[0].verified_by(rotated["secret"])

    sql("UPDATE webhook_endpoints SET previous_until = clock_timestamp()")
    cast.place()
    deliver()
    assert receiver.got[1].verified_by(rotated["secret"])
    with pytest.raises(WebhookVerificationError):
        receiver.got[1].verified_by(mine["secret"])
    with app.app_context():
        assert 1 == endpoints.forget()
    assert [(None, None)] == sql("SELECT previous_secret, previous_until FROM webhook_endpoints")


def test_a_secret_that_is_not_to_be_kept_is_gone_at_once(cast, bob, receiver, deliver):
    mine = hook(bob, receiver.url, event_types=["order.created"])
    assert bob.post(f"/api/webhooks/{mine['id']}/secret", {"keep_days": 0}).json["previous_secret_until"] is None
    cast.place()
    deliver()

    with pytest.raises(WebhookVerificationError):
        receiver.got[0].verified_by(mine["secret"])


def test_secrets_and_headers_are_shown_once_and_stored_encrypted(bob, receiver, sql):
    mine = hook(bob, receiver.url, headers={"Authorization": "Bearer of-bob"})

    shown = bob.get(f"/api/webhooks/{mine['id']}").json
    assert ["Authorization"] == shown["header_names"]
    stored = str(sql("SELECT * FROM webhook_endpoints"))
    for text in (str(shown), str(bob.get("/api/webhooks").json), stored):
        assert mine["secret"].removeprefix("whsec_") not in text
        assert "of-bob" not in text


def test_each_attempt_is_in_the_log_page_by_page(cast, bob, receiver, deliver, retry):
    mine = hook(bob, receiver.url, event_types=["order.created"])
    receiver.will(500, 429, body=b"x" * 10_000, X_Why="no")
    order = cast.place()
    deliver()
    retry()
    retry()

    path = f"/api/webhooks/{mine['id']}/attempts"
    page = bob.get(f"{path}?limit=2").json
    rest = bob.get(f"{path}?limit=2&cursor={page['next_cursor']}").json
    seen = [(one["attempt"], one["status"], one["succeeded"], len(one["body"])) for one in page["attempts"]]
    assert [(3, 200, True, 0), (2, 429, False, 8192)] == seen
    assert [(1, 500)] == [(one["attempt"], one["status"]) for one in rest["attempts"]]
    assert rest["next_cursor"] is None
    assert "no" == rest["attempts"][0]["headers"]["x-why"]
    assert receiver.got[0].id == rest["attempts"][0]["webhook_id"]
    assert [2, 1] == [one["attempt"] for one in bob.get(f"{path}?failed=true").json["attempts"]]
    assert {"succeeded": 1, "failed": 2} == bob.get(f"/api/webhooks/{mine['id']}").json["last_24_hours"]
    assert order["id"]


def test_what_receivers_answered_is_erased_with_the_buyer_and_pruned_in_time(
    app, cast, bob, alice, olive, receiver, deliver, sql
):
    mine = hook(bob, receiver.url)
    receiver.will(400, body=b"unknown buyer Alice Archer")
    cast.place()
    deliver()
    log = f"/api/webhooks/{mine['id']}/attempts"
    assert "Alice" in bob.get(log).json["attempts"][0]["body"]

    assert 200 == olive.post("/api/ops/personal-data/erase", {"buyer_id": alice.id, "reason": "asked for"}).status
    assert "Alice" not in str(sql("SELECT * FROM webhook_attempts"))

    sql("UPDATE webhook_attempts SET at = at - interval '31 days'")
    with app.app_context():
        attempt_log.prune(30)
    assert [] == bob.get(log).json["attempts"]


def test_events_are_sent_again_on_request(cast, bob, mallory, receiver, deliver, sql):
    """One, all of a time, or all that were given up; always under the ids that they had."""
    mine = hook(bob, receiver.url, event_types=["order.created"])
    receiver.will(200, 500)
    cast.place()
    deliver()
    cast.place()
    deliver()
    path = f"/api/webhooks/{mine['id']}/redeliver"
    one, failed = receiver.ids
    fast = {"per_second": 1000}

    assert {"count": 1, "more": False} == bob.post(path, {"webhook_id": one} | fast).json
    wait_for(lambda: deliver() or receiver.ids == [one, failed, one])
    sql("UPDATE side_effects SET status = 'dead', finished_at = clock_timestamp() WHERE status = 'pending'")
    assert 1 == bob.post(path, {"failed_since": "2026-01-01"} | fast).json["count"]
    wait_for(lambda: deliver() or receiver.ids[3:] == [failed])
    sql("DELETE FROM side_effects")
    assert 2 == bob.post(path, {"since": "2026-01-01T00:00:00Z"} | fast).json["count"]
    wait_for(lambda: deliver() or sorted(receiver.ids[4:]) == sorted([one, failed]))

    assert 0 == bob.post(path, {"webhook_id": "order_999999"}).json["count"]
    assert 404 == mallory.post(path, {"webhook_id": one}).status


@pytest.mark.parametrize(
    "wanted",
    [{}, {"webhook_id": "order_1", "since": "2026-01-01"}, {"until": "2026-01-01"}, {"webhook_id": "seventeen"}],
)
def test_what_is_to_be_sent_again_has_to_be_said(bob, receiver, wanted):
    mine = hook(bob, receiver.url)

    assert 422 == bob.post(f"/api/webhooks/{mine['id']}/redeliver", wanted).status


def test_the_owner_of_a_failing_endpoint_is_told_at_each_step_and_then_it_is_disabled(
    cast, bob, receiver, deliver, retry, sql, onward, monkeypatch
):
    told = []
    deliveries = onward.engine.worker.kinds[KIND].attempt.__self__
    monkeypatch.setattr(
        deliveries, "_notify", lambda key, seller_id, shown: told.append((seller_id, shown["percent"], key))
    )
    mine = hook(bob, receiver.url, event_types=["order.created"])
    cast.place()
    for hours in (0, 37, 37, 52, 66, 73):
        receiver.will(500)
        sql("UPDATE webhook_endpoints SET failing_since = clock_timestamp() - make_interval(hours => %s)", hours)
        sql("DELETE FROM circuits")
        retry()

    assert [(bob.id, share) for share in (50, 70, 90, 100)] == [one[:2] for one in told]
    shown = bob.get(f"/api/webhooks/{mine['id']}").json
    assert (True, 1) == (shown["disabled"], shown["waiting"])
    assert 4 == len({key for _, _, key in told})


def test_an_endpoint_that_keeps_failing_raises_one_alert_for_each_step(cast, bob, receiver, retry, sql):
    hook(bob, receiver.url, event_types=["order.created"])
    cast.place()
    for hours in (37, 37, 52):
        receiver.will(500)
        sql("UPDATE webhook_endpoints SET failing_since = date_trunc('day', now()) - make_interval(hours => %s)", hours)
        sql("DELETE FROM circuits")
        retry()

    raised = sql("SELECT kind, seller_id, shown::json ->> 'url' FROM alerts")
    assert [("endpoint", bob.id, receiver.url)] == list(dict.fromkeys(raised))
    assert len(raised) <= 3


def test_one_success_ends_the_way_to_being_disabled(cast, bob, receiver, deliver, retry):
    mine = hook(bob, receiver.url, event_types=["order.created"])
    receiver.will(500)
    cast.place()
    deliver()
    assert bob.get(f"/api/webhooks/{mine['id']}").json["failing_since"] is not None
    retry()

    assert bob.get(f"/api/webhooks/{mine['id']}").json["failing_since"] is None


def test_an_event_that_was_erased_is_sent_without_what_was_erased(cast, bob, alice, olive, receiver, deliver, retry):
    hook(bob, receiver.url, event_types=["order.created"])
    receiver.will(500)
    cast.place()
    deliver()
    assert 200 == olive.post("/api/ops/personal-data/erase", {"buyer_id": alice.id, "reason": "asked for"}).status
    retry()

    assert "(erased)" == receiver.got[1].json["order"]["buyer_name"]


def test_a_test_event_is_sent_at_once_and_its_answer_returned(bob, receiver):
    mine = hook(bob, receiver.url, disabled=True)
    receiver.will(418, body=b"I am a teapot")
    reply = bob.request("POST", f"/api/webhooks/{mine['id']}/test")

    assert (200, 418, False, "I am a teapot") == (
        reply.status,
        *(reply.json[n] for n in ("status", "succeeded", "body")),
    )
    assert "webhook.test" == receiver.got[0].verified_by(mine["secret"])["type"]
    assert 429 == bob.request("POST", f"/api/webhooks/{mine['id']}/test").status


def test_a_deleted_endpoint_hears_no_more(cast, bob, receiver, deliver, sql):
    mine = hook(bob, receiver.url, disabled=True)
    cast.place()
    deliver()
    assert 204 == bob.request("DELETE", f"/api/webhooks/{mine['id']}").status
    cast.place()
    deliver()

    assert [("discarded",)] == sql("SELECT status FROM side_effects")
    assert [] == receiver.got
    assert 404 == bob.get(f"/api/webhooks/{mine['id']}").status


def test_nobody_has_more_endpoints_than_allowed(bob, mallory, receiver):
    for _ in range(endpoints.MOST):
        hook(bob, receiver.url)

    reply = bob.post("/api/webhooks", {"url": receiver.url, "event_types": ["*"]})
    assert (409, "too_many_webhooks") == (reply.status, reply.json["code"])
    assert hook(mallory, receiver.url)["id"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://10.0.0.1/"},
        {"url": "ftp://shop.example.org/"},
        {"url": "https://user:secret@shop.example.org/"},
        {"event_types": []},
        {"event_types": ["order.exploded"]},
        {"filter": {"statuses": ["NOWHERE"]}},
        {"filter": {}},
        {"payload": "fat"},
        {"headers": {"Host": "elsewhere"}},
        {"headers": {"webhook-id": "1"}},
        {"headers": {"X-A": "one\r\nX-B: two"}},
        {"headers": {"X-A": "1", "x-a": "2"}},
        {"headers": {f"X-{number}": "1" for number in range(11)}},
        {"rate_per_second": 0},
        {"seller_id": 2},
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(bob, receiver, wrong):
    reply = bob.post("/api/webhooks", {"url": receiver.url, "event_types": ["*"]} | wrong)

    assert (422, "invalid_request") == (reply.status, reply.json["code"])


def test_an_endpoint_can_be_changed_member_by_member(bob, receiver):
    mine = hook(bob, receiver.url, filter={"statuses": ["SHIPPED"]}, rate_per_second=5, headers={"X-A": "1"})
    path = f"/api/webhooks/{mine['id']}"

    assert 5 == bob.request("PATCH", path, {"payload": "thin"}).json["rate_per_second"]
    changed = bob.request("PATCH", path, {"filter": None, "rate_per_second": None, "headers": {}}).json
    assert (None, None, [], "thin") == tuple(
        changed[n] for n in ("filter", "rate_per_second", "header_names", "payload")
    )
    for wrong in ({}, {"url": None}, {"disabled": None}, {"url": "nowhere"}):
        assert 422 == bob.request("PATCH", path, wrong).status


def test_without_keys_webhooks_are_off_and_say_so(app_with, settings, empty):
    cast = send_through(app_with(webhook_secret_keys=()), settings)
    reply = cast.bob.post("/api/webhooks", {"url": "https://shop.example.org/", "event_types": ["*"]})

    assert (409, "webhooks_off") == (reply.status, reply.json["code"])
    assert 200 == cast.bob.get("/api/webhooks").status


def test_a_change_that_nobody_asked_to_hear_of_has_no_delivery_in_its_history(cast, bob, receiver, deliver):
    order = cast.place()
    deliver()
    mine = hook(bob, receiver.url)
    bob.move(order["id"], "CONFIRMED")
    deliver()

    first, second = bob.get(f"/api/orders/{order['id']}/history").json["events"]
    assert "webhook.delivery" not in {one["effect"] for one in first["effects"]}
    assert {"effect": "webhook.delivery", "status": "succeeded"} in second["effects"]
    assert mine["id"]


def test_deliveries_that_could_not_be_written_are_written_later(cast, bob, receiver, outbox, retry, sql):
    hook(bob, receiver.url, event_types=["order.created"])
    sql("ALTER TABLE side_effects ADD CONSTRAINT poison CHECK (kind <> 'webhook.delivery') NOT VALID")
    try:
        order = cast.place()
        outbox.run_until_idle()
    finally:
        sql("ALTER TABLE side_effects DROP CONSTRAINT poison")
    assert [("webhook.fan_out", "inside", "pending", 1)] == outbox.effects
    retry()
    retry()

    assert [order["id"]] == [one.json["order"]["id"] for one in receiver.got]


def test_what_is_held_is_not_delivered_before_its_time_nor_overtaken(cast, bob, receiver, outbox, deliver, retry, sql):
    hook(bob, receiver.url, event_types=["order.status_changed"])
    order = cast.place()
    assert (
        200
        == bob.request("PATCH", f"/api/orders/{order['id']}/status", {"status": "CONFIRMED", "hold_seconds": 60}).status
    )
    bob.move(order["id"], "PREPARING")
    deliver()
    assert [] == receiver.got

    sql("UPDATE outbox SET lease_until = clock_timestamp()")
    outbox.look()
    retry()
    assert [2, 3] == [one.json["version"] for one in receiver.got]


def test_operators_of_the_host_disable_and_enable_endpoints(app, cast, bob, receiver, deliver):
    mine = hook(bob, receiver.url, event_types=["order.created"])
    init_commands(app)

    def flask(*words):
        return app.test_cli_runner().invoke(args=["webhooks", *words])

    assert 0 == flask("disable", str(mine["id"]), "--reason", "asked for").exit_code
    assert "disabled" in flask("list").output
    assert "asked for" == bob.get(f"/api/webhooks/{mine['id']}").json["disabled_reason"]
    cast.place()
    deliver()
    assert [] == receiver.got

    assert 0 == flask("enable", str(mine["id"])).exit_code
    deliver()
    assert 1 == len(receiver.got)
    assert 1 == flask("enable", str(mine["id"])).exit_code


def test_a_message_of_a_person_is_delivered_to_both_that_asked_and_an_internal_note_to_nobody(
    mode, cast, bob, alice, olive, receiver, deliver, sql
):
    mine = hook(bob, receiver.url, event_types=["message.created"])
    with receiving() as ours:
        hook(olive, ours.url, event_types=["message.*"], payload="thin")
        order = cast.place()
        path = f"/api/orders/{order['id']}/messages"
        written = alice.post(path, {"body": "Where is it?"})
        assert 201 == written.status, written
        assert 201 == bob.post(path, {"body": "She is in a hurry", "kind": "note"}).status
        assert 200 == bob.move(order["id"], "CONFIRMED").status
        deliver()

        (said,) = receiver.got
        assert ("message.created", "Where is it?") == (
            said.json["type"],
            said.verified_by(mine["secret"])["message"]["body"],
        )
        assert f"message_{written.json['id']}" == said.id == ours.got[0].id
        (streamed,) = [
            one["data"]["message"]
            for one in bob.get("/api/events").json["events"]
            if one["type"] == "message.created" and one["data"]["message"]["kind"] == "person"
        ]
        assert streamed == said.json["message"]
        assert {"id": written.json["id"]} == ours.got[0].json["message"]


def test_a_message_that_was_erased_is_not_sent_any_more(cast, bob, alice, olive, receiver, deliver, retry):
    hook(bob, receiver.url, event_types=["message.created"])
    order = cast.place()
    receiver.will(500)
    alice.post(f"/api/orders/{order['id']}/messages", {"body": "I am Alice"})
    deliver()
    body = {"buyer_id": alice.id, "reason": "asked for"}
    assert 200 == olive.post("/api/ops/personal-data/erase", body).status
    retry()

    assert ["I am Alice", "(erased)"] == [one.json["message"]["body"] for one in receiver.got]
