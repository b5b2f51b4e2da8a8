"""Streams over real processes, in both ways: detached sockets, and iterators that gunicorn writes."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import requests

from tests.facts import eventually
from tests.journeys.server import Server
from tests.journeys.ways import WAYS, lines

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("streams")]


@pytest.fixture(scope="module")
def served(way, served_database):
    """A service with two workers, all of whose streams take this way."""
    with Server(served_database, DETACH_STREAMS=WAYS[way]) as running:
        yield running


def statuses(stream):
    return [event.data["order"]["status"] for event in stream.orders()]


def test_the_way_is_the_one_that_was_asked_for(served, way):
    with served.stream(served.cast().alice.token) as stream:
        stream.until_type("hello")
        assert (way == "iterator") == stream.chunked
        assert "close" == stream.headers["connection"] or way == "iterator"
        eventually(lambda: lines(served, "stream.opened"))
        assert {way} == {line["way"] for line in lines(served, "stream.opened")}


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
    log = [row[0] for row in served.sql(f"SELECT seq FROM live_events WHERE channel = 'seller:{cast.bob.id}'"
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
