"""The hub, in both ways: who receives what, who is too slow, who has disconnected."""

from __future__ import annotations

import os

import gevent
import pytest

from foundation import clock
from realtime.channel_index import FEW
from realtime.departures import PIECE_BYTES
from realtime.hub import GONE, SLOW, YIELD_AFTER, Hub
from realtime.sockets import STALL_SECONDS
from realtime.subscriber import BACKLOG_BYTES
from tests.facts import eventually
from tests.unit.listening import WAYS, Reader, close_all, rows

both_ways = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def hub():
    hub = Hub()
    yield hub
    close_all(hub)


@both_ways
def test_an_event_reaches_its_channel_and_no_other(hub, way):
    alice, bob = Reader(hub, way, "buyer:1"), Reader(hub, way, "seller:1")
    hub.publish(1, rows(5))

    assert ([5], []) == (alice.seqs, bob.seqs)


@both_ways
@pytest.mark.parametrize("crowd", [1, 2, FEW, FEW + 1, YIELD_AFTER + 10])
def test_each_of_a_crowd_hears_everything_once(hub, way, crowd):
    readers = [Reader(hub, way, "buyer:1") for _ in range(crowd)]
    hub.publish(1, rows(5, 6))
    hub.publish(1, rows(7))

    assert [[5, 6, 7]] * crowd == [reader.seqs for reader in readers]


@both_ways
def test_who_has_left_hears_nothing_and_leaves_nothing_behind(hub, way):
    readers = [Reader(hub, way, "buyer:1", "seller:2") for _ in range(FEW + 2)] + [Reader(hub, way, "buyer:1")]
    for reader in readers:
        hub.remove(reader.subscriber, GONE)
    hub.publish(1, rows(5))

    assert not hub.subscribers
    assert 0 == len(hub._alone) == len(hub._among_others)


@both_ways
def test_who_listens_to_all_of_a_sort_hears_each_of_them_in_order(hub, way):
    everybody = [Reader(hub, way, "seller:*", who="operator:1") for _ in range(2)]
    bob = Reader(hub, way, "seller:1")
    hub.publish(1, [*rows(1, channel="seller:1"), *rows(2), *rows(3, channel="seller:2"), *rows(4, channel="seller:1")])

    assert [[1, 3, 4], [1, 3, 4], [1, 4]] == [reader.seqs for reader in (*everybody, bob)]
    hub.remove(everybody[0].subscriber, GONE)
    hub.publish(1, rows(5, channel="seller:9"))
    assert [[], [5], []] == [reader.seqs for reader in (*everybody, bob)]


@both_ways
def test_over_several_channels_the_order_is_that_of_the_log(hub, way):
    service = Reader(hub, way, "seller:1", "buyer:1")
    hub.publish(1, [*rows(1, channel="seller:1"), *rows(2), *rows(3, channel="seller:1"), *rows(4, channel="seller:2")])

    assert [1, 2, 3] == service.seqs


@both_ways
def test_what_comes_while_a_stream_opens_is_held_until_it_is_open(hub, way):
    reader = Reader(hub, way, "buyer:1", opened=False)
    hub.publish(1, rows(5, 6))
    reader.open()
    hub.publish(1, rows(7))

    assert [5, 6, 7] == reader.seqs


@both_ways
def test_who_comes_while_a_batch_is_delivered_is_not_among_its_readers(hub, way):
    """He replays it instead; otherwise it would come twice."""
    crowd = [Reader(hub, way, "buyer:1") for _ in range(YIELD_AFTER * 2)]
    late = []
    gevent.spawn(lambda: late.append(Reader(hub, way, "buyer:1")))
    hub.publish(1, rows(5))

    assert [5] == crowd[-1].seqs
    assert late, "the loop had its turn"
    assert [] == late[0].seqs


@both_ways
def test_a_slow_consumer_is_dropped_and_hurts_nobody(hub, way):
    slow, quick = Reader(hub, way, "buyer:1"), Reader(hub, way, "buyer:1")
    heard = []
    for seq in range(1, 1000):
        hub.publish(1, rows(seq, size=1000))
        heard += quick.seqs
        if slow.subscriber.closed_for:
            break

    assert SLOW == slow.subscriber.closed_for
    assert seq <= (BACKLOG_BYTES + 32_000) // 1000, "the backlog is bounded, and so is the socket"
    assert list(range(1, seq + 1)) == heard
    assert not quick.subscriber.closed_for
    assert way == "iterator" or slow.subscriber not in hub.subscribers


def test_a_socket_that_was_full_gets_the_rest_in_order(hub):
    reader = Reader(hub, "socket", "buyer:1")
    for seq in range(1, 31):
        hub.publish(1, rows(seq, size=1000))
    assert reader.subscriber.backlog is not None
    heard = []

    eventually(lambda: heard.extend(reader.seqs) or len(heard) == 30)
    assert list(range(1, 31)) == heard
    assert reader.subscriber.backlog is None


def test_who_reads_nothing_for_ten_seconds_is_dropped(hub, monkeypatch):
    reader = Reader(hub, "socket", "buyer:1")
    for seq in range(1, 31):
        hub.publish(1, rows(seq, size=1000))
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now + STALL_SECONDS - 1)
    hub.sockets.drop_stuck()
    assert not reader.subscriber.closed_for

    monkeypatch.setattr(clock, "monotonic", lambda: now + STALL_SECONDS + 1)
    hub.sockets.drop_stuck()
    assert SLOW == reader.subscriber.closed_for


def test_who_goes_away_is_noticed_at_once(hub):
    readers = [Reader(hub, "socket", "buyer:1") for _ in range(50)]
    for reader in readers:
        reader.leave()

    eventually(lambda: not hub.subscribers, within=2)
    assert {GONE} == {reader.subscriber.closed_for for reader in readers}


def test_a_descriptor_is_closed_once_and_by_the_hub_alone(hub):
    reader = Reader(hub, "socket", "buyer:1")
    fd = reader.subscriber.fd
    hub.end(reader.subscriber, "over")
    other = os.open(os.devnull, os.O_RDONLY)
    try:
        assert fd == other, "the number is another's now"
        hub.end(reader.subscriber, "again")
        hub.remove(reader.subscriber, GONE)
        hub.publish(1, rows(5))
        assert os.fstat(other)
    finally:
        os.close(other)


@both_ways
def test_the_last_word_is_heard(hub, way):
    opening, open_ = Reader(hub, way, "buyer:1", opened=False), Reader(hub, way, "buyer:1")
    hub.end_all("restart", lambda: b"event: bye\ndata: {}\n\n")
    opening.open()

    assert [b"event: bye\ndata: {}\n\n"] * 2 == [opening.read(), open_.read()]
    assert "restart" == opening.subscriber.closed_for == open_.subscriber.closed_for


@both_ways
def test_events_that_come_together_leave_in_few_writes(hub, way, monkeypatch):
    reader = Reader(hub, way, "buyer:1")
    writes = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, piece: writes.append(len(piece)) or real(fd, piece))
    hub.publish(1, rows(*range(1, 5), size=300))

    assert [1, 2, 3, 4] == reader.seqs
    assert len(writes) <= 1
    assert all(size <= PIECE_BYTES for size in writes)
