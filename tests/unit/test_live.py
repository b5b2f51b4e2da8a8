"""Hub, frames and cursors, without a database."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import sse
from realtime.feed import Feed
from realtime.hub import BACKLOG_BYTES, Hub, Subscriber


def parse(stream: bytes):
    """Server-Sent Events as the WHATWG's specification reads them."""
    events = []
    for block in stream.decode().split("\n\n")[:-1]:
        fields = {}
        for line in block.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        events.append({name: "\n".join(values) for name, values in fields.items()})
    return events


@given(st.text())
def test_no_text_can_break_a_frame(text):
    (event,) = parse(sse.encode_json("message.created", {"body": text.encode("utf-8", "replace").decode()}, "1.2"))

    assert {"id", "event", "data"} == set(event)
    assert {"body": text.encode("utf-8", "replace").decode()} == orjson.loads(event["data"])


@given(st.text(alphabet="ab\r\n:"))
def test_line_ends_in_the_data_stay_data(text):
    (event,) = parse(sse.encode("x", text, "1.2"))

    assert text.replace("\r\n", "\n").replace("\r", "\n") == event["data"]


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "-1.2", "1.2.3", "a.b", "1.2 ", "9" * 20 + ".1", "١.٢"])
def test_a_cursor_that_is_none_of_ours_is_unknown(text):
    assert sse.Cursor.parse(text) is None


def test_a_cursor_survives_the_wire():
    assert sse.Cursor(7, 42) == sse.Cursor.parse(str(sse.Cursor(7, 42)))


@pytest.fixture
def hub():
    return Hub()


def listen(hub, *channels):
    subscriber = Subscriber(channels)
    hub.add(subscriber)
    return subscriber


def test_an_event_reaches_its_channel_and_no_other(hub):
    alice, bob = listen(hub, "buyer:1"), listen(hub, "seller:1")
    hub.publish(1, 5, "buyer:1", "order.created", "{}")

    assert [5] == [seq for seq, _ in alice.take(0)]
    assert [] == bob.take(0)


def test_who_has_left_hears_nothing_and_leaves_nothing_behind(hub):
    alice = listen(hub, "buyer:1")
    hub.remove(alice)
    hub.publish(1, 5, "buyer:1", "order.created", "{}")

    assert [] == alice.take(0)
    assert not hub.subscribers
    assert not hub._by_channel


def test_a_slow_consumer_is_dropped_and_hurts_nobody(hub):
    slow, quick = listen(hub, "buyer:1"), listen(hub, "buyer:1")
    for seq in range(1, 1000):
        hub.publish(1, seq, "buyer:1", "order.created", "x" * 1000)
        quick.take(0)
        if slow.closed_for:
            break

    assert "slow consumer" == slow.closed_for
    assert seq <= BACKLOG_BYTES // 1000 + 1
    assert [] == slow.take(0)
    assert not quick.closed_for


class SilentLog:
    """A log that must not be asked."""


def feed_at(hub, position):
    feed = Feed("", SilentLog(), hub, 24)
    feed.position = position
    return feed


def rows(*seqs):
    return [(seq, "buyer:1", "order.created", "{}") for seq in seqs]


def test_what_this_process_appended_is_not_read_back(hub):
    alice, feed = listen(hub, "buyer:1"), feed_at(hub, 10)
    feed.appended(rows(11, 12))

    assert ([11, 12], 12) == ([seq for seq, _ in alice.take(0)], feed.position)


@pytest.mark.parametrize("seqs", [(12, 13), (11, 13), (9, 10)], ids=str)
def test_with_somebody_elses_events_between_the_log_is_asked(hub, seqs):
    alice, feed = listen(hub, "buyer:1"), feed_at(hub, 10)
    feed.appended(rows(*seqs))

    assert [] == alice.take(0)
    assert 10 == feed.position
    assert feed._wake.is_set()


def test_an_event_that_comes_twice_is_published_once(hub):
    alice, feed = listen(hub, "buyer:1"), feed_at(hub, 10)
    feed.appended(rows(11, 12))
    feed._publish(rows(11, 12, 13))

    assert [11, 12, 13] == [seq for seq, _ in alice.take(0)]
