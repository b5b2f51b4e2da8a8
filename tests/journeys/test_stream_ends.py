"""How streams end over real processes, in both ways, and what their clients are sent before."""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import ExitStack

import psutil
import pytest
import requests

from realtime.access_log import LINES
from tests.facts import eventually
from tests.journeys.server import Server
from tests.journeys.ways import WAYS, lines

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("streams")]


@pytest.fixture
def single(way, fresh_database):
    """Starts a service with one worker of this test's own, to be hurt."""
    with ExitStack() as running:
        yield lambda **settings: running.enter_context(
            Server(fresh_database, workers=1, DETACH_STREAMS=WAYS[way], **settings)
        )


def test_who_goes_away_leaves_a_line_in_the_log(single, way):
    server = single()
    with server.stream(server.cast().alice.token) as stream:
        stream.until_type("hello")
    (line,) = eventually(lambda: lines(server, "stream.closed"), within=40)  # an iterator notices at a heartbeat

    assert line["who"] in line["channels"]
    assert line["reason"] == "gone"
    assert line["bytes"] > 100
    assert line["seconds"] < (2 if way == "socket" else 40)


def test_a_token_that_ends_is_told_before_and_ends_the_stream(single):
    server = single()
    token = server.cast().alice.token
    from access.tokens import Tokens

    token = Tokens.of(server.settings).issue("buyer", 1, lifetime=3)
    with server.stream(token) as stream:
        events = stream.until_end()

    assert "auth-expiring" in [event.type for event in events]
    assert ("bye", "expired") == (events[-1].type, events[-1].data["reason"])
    refused = requests.get(f"{server.url}/api/stream", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert 401 == refused.status_code


def test_streams_are_renewed_and_go_on_where_they_were(single):
    server = single(STREAM_LIFETIME="1")
    cast = server.cast()
    with server.stream(cast.alice.token) as stream:
        events = stream.until_end()
    order = cast.place()
    with server.stream(cast.alice.token, stream.last_event_id) as again:
        again.until_type("order.created")

    assert ("bye", "renew") == (events[-1].type, events[-1].data["reason"])
    assert order["id"] == again.orders()[0].data["order"]["id"]


def test_limits_close_the_oldest_of_a_person_and_send_the_rest_away_kindly(single):
    server = single(STREAM_LIMIT="4", STREAMS_PER_PERSON="2", KEEPALIVE_SECONDS="5")
    cast = server.cast()
    with ExitStack() as open_streams:
        alices = [open_streams.enter_context(server.stream(cast.alice.token)) for _ in range(3)]
        (*_, bye) = alices[0].until_end()
        assert "too many streams" == bye.data["reason"]
        service = [
            open_streams.enter_context(server.stream(cast.shop.token, query="?channels=seller:1,buyer:1"))
            for _ in range(2)
        ]
        for stream in (*alices[1:], *service):
            stream.until_type("hello")
        refused = open_streams.enter_context(server.stream(cast.bob.token))
        (bye,) = refused.until_end()

    assert (200, "overloaded") == (refused.status, bye.data["reason"])
    assert 1000 <= bye.data["retry_ms"] <= 5000


def test_an_opening_too_many_is_asked_to_come_back_and_a_loop_writes_few_lines(single):
    """With a rate of 5, 1,090 openings a second of one token came through, and wrote two lines each."""
    server = single(RATE_LIMIT_READS="15")
    cast = server.cast()
    heard = Counter()
    while heard["hello"] <= LINES + 5 or not heard["too many requests"]:
        with server.stream(cast.alice.token) as stream:
            first = stream.until(lambda heard: heard)[0]
            assert (200, '"reads";q=15;w=1') == (stream.status, stream.headers["ratelimit-policy"])
            heard[first.data.get("reason", first.type)] += 1
    with server.stream(cast.bob.token) as other:
        other.until_type("hello")
        bob = eventually(lambda: [one for one in lines(server, "stream.opened") if one["who"][:6] == "seller"])

    assert (1, LINES + 1) == (len(bob), len(lines(server, "stream.opened")))


def tell(server, how):
    if how == "TERM":
        os.kill(server.pid, signal.SIGTERM)
    elif how == "HUP":
        os.kill(server.pid, signal.SIGHUP)
    elif how == "a lost parent":
        os.kill(server.pid, signal.SIGKILL)


@pytest.mark.parametrize("how", ["TERM", "HUP", "a lost parent"])
def test_whatever_ends_a_process_its_streams_are_told_first(single, how):
    server = single()
    cast = server.cast()
    (worker,) = (psutil.Process(pid) for pid in server.workers())
    with ExitStack() as open_streams:
        streams = [open_streams.enter_context(server.stream(server.token("buyer", id))) for id in range(1, 21)]
        for stream in streams:
            stream.until_type("hello")
        cast.place()
        tell(server, how)
        byes = [stream.until_end()[-1] for stream in streams]

    assert {("bye", "restart")} == {(bye.type, bye.data["reason"]) for bye in byes}
    assert len({bye.data["retry_ms"] for bye in byes}) > 10
    eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, within=5)
    eventually(lambda: server.sql("SELECT count(*) FROM outbox WHERE owner <> 0") == [(0,)])
