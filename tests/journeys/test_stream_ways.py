"""Streams over real processes, on both ways: sockets taken from gunicorn, and iterators that it writes for."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack

import psutil
import pytest
import requests

from tests.facts import eventually
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("streams")]

WAYS = {"socket": "1", "iterator": "0"}


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def served(way, served_database):
    """A service with two workers, all of whose streams take this way."""
    with Server(served_database, DETACH_STREAMS=WAYS[way]) as running:
        yield running


@pytest.fixture
def single(way, fresh_database):
    """Starts a service with one worker of this test's own, to be hurt."""
    with ExitStack() as running:
        yield lambda **settings: running.enter_context(
            Server(fresh_database, workers=1, DETACH_STREAMS=WAYS[way], **settings)
        )


def lines(server, event):
    """The access log's lines about streams."""
    found = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


def statuses(stream):
    return [event.data["order"]["status"] for event in stream.orders()]


def test_the_way_is_the_one_that_was_asked_for(served, way):
    with served.stream(served.cast().alice.token) as stream:
        stream.until_type("hello")
        assert (way == "iterator") == stream.chunked
        assert "close" == stream.headers["connection"] or way == "iterator"
        eventually(lambda: lines(served, "stream opened"))
        assert {way} == {line["way"] for line in lines(served, "stream opened")}


def test_a_change_is_heard_by_all_who_may_and_by_nobody_else(served):
    cast = served.cast()
    with ExitStack() as open_streams:
        people = (cast.alice, cast.bob, cast.mallory)
        alice, bob, mallory = (open_streams.enter_context(served.stream(person.token)) for person in people)
        for stream in (alice, bob, mallory):
            stream.until_type("hello")
        order = cast.place()
        cast.bob.move(order["id"], "CONFIRMED")
        for stream in (alice, bob):
            stream.until(lambda _, stream=stream: statuses(stream)[-1:] == ["CONFIRMED"])
        cast.place(seller_id=cast.mallory.id)
        mallory.until_type("order.created")

        assert {cast.mallory.id} == {event.data["order"]["seller_id"] for event in mallory.orders()}


def test_every_reader_has_the_logs_own_chain_whatever_was_cut(served):
    """Readers that lose their connection again and again hear exactly the log: all of it, in order, once."""
    cast = served.cast()
    orders = [cast.place()["id"] for _ in range(3)]
    eventually(served.at_rest)
    with served.stream(cast.bob.token) as first:
        first.until_type("hello")
        begin = first.last_event_id
    cursor, chain = begin, []
    for status in ("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED"):
        with _come_back(served, cast.bob.token, cursor) as stream:
            for order in orders:
                cast.bob.move(order, status)
            stream.until(lambda _, stream=stream, status=status: status in statuses(stream))
            chain += [event.seq for event in stream.heard if event.id and event.type not in ("hello", "heartbeat")]
            cursor = stream.last_event_id
    eventually(served.at_rest)
    log = [row[0] for row in served.sql(f"SELECT seq FROM realtime_events WHERE channel = 'seller:{cast.bob.id}'"
                                        f" AND seq > {begin.partition('.')[2]} ORDER BY seq")]  # fmt: skip
    with _come_back(served, cast.bob.token, cursor) as stream:
        stream.until(lambda _: len(chain) + len([one for one in stream.heard if one.type != "hello"]) >= len(log))
        chain += [event.seq for event in stream.heard if event.type != "hello"]

    assert log == chain


def _come_back(served, token, cursor):
    """A stream by cursor, asked for again where the service is too busy, as EventSource does."""

    def opened():
        stream = served.stream(token, cursor)
        first = stream.until(lambda heard: heard)[0]
        if first.type != "bye":
            return stream
        stream.close()
        assert "overloaded" == first.data["reason"]
        return None

    return eventually(opened)


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [("1.1", "epoch"), ("garbage", "unknown"), ("99999999999.5", "epoch"), ("{epoch}.999999999", "ahead of head")],
)
def test_a_cursor_that_cannot_be_used_is_told_why(served, cursor, reason):
    epoch = served.sql("SELECT epoch FROM realtime_log")[0][0]
    with served.stream(served.cast().alice.token, cursor.format(epoch=epoch)) as stream:
        (*_, resync) = stream.until_type("resync")

    assert reason == resync.data["reason"]


def test_a_head_request_opens_no_stream(served):
    token = served.cast().alice.token
    answer = requests.head(f"{served.url}/api/stream", headers={"Authorization": f"Bearer {token}"}, timeout=5)

    assert (200, "text/event-stream; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])


def test_who_goes_away_leaves_a_line_in_the_log(single, way):
    server = single()
    with server.stream(server.cast().alice.token) as stream:
        stream.until_type("hello")
    (line,) = eventually(lambda: lines(server, "stream closed"), within=40)  # an iterator notices at a heartbeat

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
    server = single(STREAM_LIMIT="4", STREAMS_PER_PERSON="2")
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


def test_a_service_hears_the_channels_that_it_names_and_people_only_their_own(served):
    cast = served.cast()
    query = f"?channels=seller:{cast.bob.id},buyer:{cast.alice.id}"
    with served.stream(cast.shop.token, query=query) as shop:
        shop.until_type("hello")
        cast.place()
        shop.until(lambda _: len(shop.orders()) == 2)
        assert sorted(event.seq for event in shop.heard) == [event.seq for event in shop.heard]
    own = {"Authorization": f"Bearer {cast.bob.token}"}
    for channels, status in ((f"buyer:{cast.alice.id}", 403), ("ops", 403), ("?", 422)):
        answer = requests.get(f"{served.url}/api/stream", {"channels": channels}, headers=own, timeout=5)
        assert status == answer.status_code
    with served.stream(cast.bob.token, query=f"?channels=seller:{cast.bob.id}") as bob:
        bob.until_type("hello")


def test_an_operator_hears_each_change_once_and_comes_back_without_a_gap(served):
    cast = served.cast()
    with served.stream(cast.olive.token) as olive:
        hello = olive.until_type("hello")[0]
        orders = {cast.place()["id"], cast.place(seller_id=cast.mallory.id)["id"]}
        olive.until(lambda _: orders <= {event.data["order"]["id"] for event in olive.orders()})
    with served.stream(cast.olive.token, hello.data["head"], query="?channels=ops") as again:
        again.until(lambda _: orders <= {event.data["order"]["id"] for event in again.orders()})
        mine = [event.data["order"]["id"] for event in again.orders() if event.data["order"]["id"] in orders]
        assert sorted(orders) == sorted(mine)


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
