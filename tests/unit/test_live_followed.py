"""Streams by tracking links: what they receive of the buyer's channel, their limits and their end; in both ways."""

from __future__ import annotations

import tracemalloc
from typing import Any

import orjson
import pytest

from realtime.hub import GONE, Hub
from realtime.packs import SEPARATOR
from tests.unit.listening import WAYS, Reader, close_all, parse
from tests.unit.live_parts import LiveStack

FOLLOWING = ("buyer:1", ("buyer:1#17",))
PRIVATE = {"buyer_email": "alice@shop.example", "buyer_name": "Alice", "items": [{"title": "Blue mug"}]}
MOST_BYTES = 1024
"""Of memory for a stream: ten thousand have 10 MB."""


def event(seq: int, order_id: int = 17, type: str = "order.status_changed", **more: Any) -> tuple[Any, ...]:
    """A row of the log, on the channel of its buyer."""
    order = {"id": order_id, "number": "A-17", "status": "SHIPPED", "version": 3, **PRIVATE}
    data = {"at": "2026-11-27T10:00:00+00:00", "type": type, "order": order, "event": {"reason": "a secret"}, **more}
    return (seq, "buyer:1", None, type, orjson.dumps(data).decode())


@pytest.fixture
def hub():
    hub = Hub()
    yield hub
    close_all(hub)


def follower(hub, way, channel="buyer:1#17"):
    return Reader(hub, way, channel, who="buyer:1")


@pytest.mark.parametrize("way", WAYS)
def test_who_follows_an_order_receives_its_changes_and_those_of_no_other(hub, way):
    link, other, stranger = (follower(hub, way, one) for one in ("buyer:1#17", "buyer:1#18", "buyer:2#17"))
    alice = Reader(hub, way, "buyer:1")

    hub.publish(7, [event(5), event(6, order_id=18), event(7)])

    assert ([5, 7], [6], [], [5, 6, 7]) == (link.seqs, other.seqs, stranger.seqs, alice.seqs)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_said_that_the_order_changed_and_nothing_more(hub, way):
    link = follower(hub, way)

    hub.publish(7, [event(5)])

    (received,) = parse(link.read())
    assert ("7.5", "order.status_changed") == (received["id"], received["event"])
    assert {
        "at": "2026-11-27T10:00:00+00:00",
        "type": "order.status_changed",
        "order": {"number": "A-17", "status": "SHIPPED", "version": 3},
    } == orjson.loads(received["data"])


def said(seq: int, order_id: int = 17) -> tuple[Any, ...]:
    message = {"order_id": order_id, "body": "a word between us"}
    return event(seq, type="message.created", message=message)


@pytest.mark.parametrize("type", ["message.created", "notification.created", "message.seen", "order.of_tomorrow"])
def test_what_is_no_change_of_the_order_is_the_buyers_alone(hub, type):
    link = follower(hub, "socket")

    hub.publish(7, [event(5, type=type, message={"order_id": 17})])

    assert b"" == link.read()


def test_whose_link_shows_the_conversation_receives_that_something_was_said_in_it(hub):
    talking, silent, other = (follower(hub, "socket", one) for one in ("buyer:1#17+", "buyer:1#17", "buyer:1#18+"))

    hub.publish(7, [said(5), event(6)])

    (message, change) = parse(talking.read())
    assert ["message.created", "order.status_changed"] == [message["event"], change["event"]]
    assert {"at", "type"} == set(orjson.loads(message["data"]))
    assert ([6], []) == (silent.seqs, other.seqs)


def test_a_pack_is_read_as_well(hub):
    """The seller's event of the same change lies in it too."""
    whole = event(0)[-1]
    link = follower(hub, "socket")

    hub.publish(7, [(9, "seller:1", "buyer:1", "order.created 0 0;order.created 1 1", SEPARATOR.join(("{}", whole)))])

    assert [9] == link.seqs


def test_who_has_left_leaves_nothing_behind(hub):
    readers = [follower(hub, "socket") for _ in range(3)]
    for reader in readers:
        hub.remove(reader.subscriber, GONE)

    assert not hub._followers.by_channel
    assert not hub._followers.buyers


def test_who_comes_back_receives_what_was_missed_of_this_order(live):
    live.log.rows += [event(201), event(202, order_id=18), said(203), event(204)]
    live.feed.look(polling=True)

    hello, *missed = live.first("7.200", FOLLOWING)

    assert ["7.201", "7.204"] == [one["id"] for one in missed]
    assert not any("alice@" in one["data"] or "secret" in one["data"] for one in missed)
    assert "id" not in hello


@pytest.mark.parametrize("name", ["order:17", "buyer:1", "key:3.12"])
@pytest.mark.parametrize("channel", ["buyer:1#17", "buyer:1#17+"])
def test_whatever_ends_the_link_ends_its_stream(live, name, channel):
    streams = [
        live.open(who=("buyer:1", (channel,)), credential="key:3.12", counted=False),
        live.open(who=("buyer:2", ("buyer:2#18",)), counted=False),
    ]
    live.lost.add(name)
    live.heartbeats.ask_for_rights()

    assert ["rights-lost", ""] == [one.subscriber.closed_for for one in streams]


def test_a_link_that_was_revoked_while_its_stream_was_opened_opens_none(live):
    """Whoever waits for the log is not among the streams whose rights are asked for."""
    assert live.open(who=FOLLOWING, counted=False, may_still=lambda: False) is None
    assert not live.hub.subscribers
    assert live.open(who=FOLLOWING, counted=False, may_still=lambda: True) is not None


@pytest.mark.parametrize("way", WAYS)
def test_an_address_has_a_number_of_streams_and_gets_it_back(way):
    live = LiveStack(way, per_address=2)
    first, second, third, elsewhere = (
        live.open(who=FOLLOWING, counted=False, address=address) for address in ("a", "a", "a", "b")
    )

    assert third is None
    assert live.streams.is_crowded("a")
    assert elsewhere is not None, "nobody pays for another"
    assert not first.subscriber.closed_for, "an older one is not closed for it"
    second.give_up()
    assert live.open(who=FOLLOWING, counted=False, address="a") is not None
    assert not live.streams.is_crowded("")


def test_ten_thousand_take_ten_megabytes_at_most():
    """What Python holds of each, without its socket; `python -m benchmarks` measures whole processes."""
    live = LiveStack("socket", in_all=10_000)

    def open(number: int) -> None:
        who = f"buyer:{number}"
        opening = live.open(who=(who, (f"{who}#{number}",)), counted=False, address=f"address:10.0.0.{number % 200}")
        opening.subscriber.backlog = None  # as soon as its socket is taken

    open(0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(1, 2001):
        open(number)
    each = (tracemalloc.get_traced_memory()[0] - before) / 2000
    tracemalloc.stop()

    assert each < MOST_BYTES
