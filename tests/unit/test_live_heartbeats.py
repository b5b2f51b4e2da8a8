"""Periodic work on open streams: heartbeats, renewal, warnings and expiry; in both ways."""

from __future__ import annotations

import logging

import pytest
from gevent.event import Event

from foundation import clock
from realtime.access_log import LINES
from realtime.heartbeats import STEPS_PER_HEARTBEAT, STEPS_PER_SUM, bye
from tests.unit.listening import parse


class Later:
    """The clock, set forward."""

    def __init__(self, monkeypatch):
        self._patch, self._real = monkeypatch, (clock.monotonic, clock.unix_seconds)

    def by(self, seconds):
        for name, real in zip(("monotonic", "unix_seconds"), self._real, strict=True):
            self._patch.setattr(clock, name, lambda real=real: real() + seconds)


@pytest.fixture
def later(monkeypatch):
    return Later(monkeypatch)


def test_a_stream_is_renewed_after_ten_minutes_give_or_take_a_fifth(live, later):
    streams = [live.open(who=(f"buyer:{id}", ("x:1",))) for id in range(50)]
    later.by(479)
    live.heartbeats.walk()
    assert not any(one.subscriber.closed_for for one in streams)
    later.by(600)
    live.heartbeats.walk()
    assert 10 < sum(bool(one.subscriber.closed_for) for one in streams) < 40
    later.by(721)
    live.heartbeats.walk()
    assert {"renew"} == {one.subscriber.closed_for for one in streams}


def test_a_tokens_end_is_announced_and_then_ends_the_stream(live, later):
    stream = live.open(expires_at=clock.unix_seconds() + 200).subscriber
    stream.backlog.take()
    later.by(139)
    live.heartbeats.walk()
    assert b"auth-expiring" not in stream.backlog.take()
    later.by(141)
    live.heartbeats.walk()
    (warning,) = [event for event in parse(stream.backlog.take()) if event["event"] == "auth-expiring"]
    assert '"seconds":59' in warning["data"]
    later.by(199)
    live.heartbeats.walk()
    assert not stream.closed_for
    later.by(200.1)
    live.heartbeats.walk()
    assert "expired" == stream.closed_for


def test_a_token_that_ends_soon_is_announced_at_once(live):
    stream = live.open(expires_at=clock.unix_seconds() + 5).subscriber
    live.heartbeats.walk()

    assert b'"seconds":5' in stream.backlog.take()


def test_who_has_lost_the_right_to_listen_is_let_go(live):
    alice, bob = live.open().subscriber, live.open(who=("seller:1", ("seller:1",))).subscriber
    live.lost.add("buyer:1")
    live.heartbeats.ask_for_rights()

    assert ("rights-lost", "") == (alice.closed_for, bob.closed_for)


def test_every_stream_has_one_heartbeat_in_fifteen_seconds(live):
    streams = [live.open(who=(f"buyer:{id}", ("x:1",))).subscriber for id in range(50)]
    for fd, stream in enumerate(streams):
        stream.fd = fd if live.way == "socket" else -1
        stream.backlog.wake = Event()
    for _ in range(STEPS_PER_HEARTBEAT):
        live.heartbeats.walk()

    assert {1} == {stream.backlog.take().count(b"event: heartbeat") for stream in streams}


def test_many_who_are_told_to_go_are_asked_back_over_a_longer_time():
    retries = [int(parse(bye("restart", streams=20_000))[0]["retry"]) for _ in range(200)]

    assert max(retries) > 10_000
    assert min(retries) < 5_000
    assert len(set(retries)) > 150


def test_who_opens_and_closes_in_a_loop_has_few_lines_and_a_sum(live, caplog):
    """It was two lines each, 2,000 a second."""
    caplog.set_level(logging.INFO)
    for number in range(3 * LINES):
        opening = live.open()
        list(opening.first())
        opening.give_up()
        if number == LINES:
            list(live.open(who=("buyer:2", ("buyer:2",))).first())
    for _ in range(STEPS_PER_SUM):
        live.heartbeats.walk()

    said = [(one.msg["event"], one.msg["who"], one.msg.get("streams")) for one in caplog.records]
    assert LINES == said.count(("stream.opened", "buyer:1", None)) == said.count(("stream.closed", "buyer:1", None))
    assert 1 == said.count(("stream.opened", "buyer:2", None)), "nobody pays for another"
    assert [("stream.more_opened", "buyer:1", 2 * LINES), ("stream.more_closed", "buyer:1", 2 * LINES)] == said[-2:]
    caplog.clear()
    list(live.open().first())
    assert ["stream.opened"] == [one.msg["event"] for one in caplog.records]


def test_streams_that_nobody_wants_to_hear_of_are_not_counted_either(live, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(2 * LINES):
        opening = live.open()
        list(opening.first())
        opening.give_up()

    assert not live.hub.access_log._opened
    assert not live.hub.access_log._closed
