"""What an answer means for a delivery and its endpoint, and what a delivery says."""

from __future__ import annotations

from email.utils import formatdate

import gevent
import orjson
import pytest

from side_effects.retry import DURABLE, JITTER
from webhooks import events, health
from webhooks.events import Fact
from webhooks.health import Answered
from webhooks.together import Together

NOW = 1_800_000_000.0
FACT = Fact("order.created", "2026-11-24T09:30:00+00:00", 3, '"order":{"id":1,"number":"A"}', '"order":{"id":1}')


def answered(status, **headers):
    return Answered(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"", 0.1)


@pytest.mark.parametrize(
    ("answer", "kind", "verdict"),
    [
        (answered(200), "succeeded", "good"),
        (answered(204), "succeeded", "good"),
        (answered(301, location="https://elsewhere.example"), "retry", "bad"),
        (answered(400), "retry", "bad"),
        (answered(410), "retry", "nothing"),
        (answered(429, retry_after="7"), "retry", "nothing"),
        (answered(503, retry_after="7"), "retry", "nothing"),
        (answered(503), "retry", "bad"),
        (answered(500, retry_after="7"), "retry", "bad"),
        (Answered(None, {}, b"", 15.0, "There was no answer."), "retry", "bad"),
    ],
)
def test_everything_but_an_acceptance_is_tried_again(answer, kind, verdict):
    outcome = health.judge(answer, NOW)

    assert (kind, verdict) == (outcome.kind, outcome.verdict)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 0),
        ("99999999999", 24 * 3600),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("٣", None),
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_until_a_date_and_never_for_more_than_a_day(given, seconds):
    assert seconds == health.retry_after({"Retry-After": given}, NOW)


def test_the_first_retry_comes_within_ten_seconds_and_the_last_after_about_three_days():
    assert DURABLE[0] * (1 + JITTER) <= 10
    assert 2.5 * 86400 < sum(DURABLE) < 3.5 * 86400


def test_an_owner_is_told_at_each_step_once_and_at_the_last_one_it_is_disabled():
    told, steps = 0, []
    for hour in range(80):
        step = health.step(hour * 3600, 72 * 3600, told)
        if step is not None:
            steps.append((hour, step))
            told = step

    assert [(36, 50), (51, 70), (65, 90), (72, 100)] == steps


def test_an_endpoint_that_nobody_looked_at_for_long_is_told_of_once():
    assert 90 == health.step(0.95 * 3600, 3600, 0)
    assert health.step(0.95 * 3600, 3600, 90) is None


def test_a_delivery_has_its_id_its_version_and_the_trace_of_its_request():
    trace = events.traceparent("7f3c2a9d51e84b06", "order_17 1")
    body = orjson.loads(events.body("order_17", FACT, False, trace))

    assert {"id", "type", "at", "version", "traceparent", "order"} == body.keys()
    assert ("order_17", 3, "A") == (body["id"], body["version"], body["order"]["number"])
    assert "A" not in str(orjson.loads(events.body("order_17", FACT, True, trace))["order"])
    assert trace.split("-")[1] == events.traceparent("7f3c2a9d51e84b06", "another")[3:35]


def test_a_trace_id_of_the_client_is_kept():
    assert events.traceparent("0AF7651916CD43DD8448EB211C80319C", "x").startswith(
        "00-0af7651916cd43dd8448eb211c80319c-"
    )


@pytest.mark.parametrize("id", ["", "order", "order_", "_17", "order_x", "order_1" + "0" * 18])
def test_what_is_no_id_of_ours_names_no_event(id):
    assert events.event_of(id) is None


def test_an_id_leads_back_to_its_event():
    assert ("message", 17) == events.event_of(events.webhook_id("message", 17))


def test_calls_that_arrive_meanwhile_are_made_together_and_each_gets_its_own_result():
    runs = []

    def run(batch):
        runs.append(list(batch))
        gevent.sleep(0)
        if 3 in batch and len(batch) > 1:
            raise ValueError("a three among others")
        return [2 * one for one in batch]

    together = Together(run, most=4)
    asked = [gevent.spawn(together, number) for number in (0, 1, 2, 4, 5, 6, 7)]

    assert [0, 2, 4, 8, 10, 12, 14] == [one.get() for one in asked]
    assert [1, 4, 2] == [len(batch) for batch in runs]


def test_an_error_reaches_all_that_shared_it_and_none_after_them():
    def run(batch):
        gevent.sleep(0)
        if len(batch) > 1:
            raise ValueError("too many")
        return list(batch)

    together = Together(run)
    asked = [gevent.spawn(together, number) for number in range(3)]
    gevent.joinall(asked)

    assert [True, False, False] == [one.successful() for one in asked]
    assert 9 == together(9)
