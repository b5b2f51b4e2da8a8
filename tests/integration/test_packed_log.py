"""Whatever its form, and wherever a stream breaks: the log has the same events with the same ids and bytes."""

from __future__ import annotations

import re
from contextlib import closing

import psycopg2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from foundation.connections import PreparedPool
from operations import completeness
from process import onward_of
from realtime import feed as feed_module
from realtime import log as log_module
from realtime import packs, polling, replay, sse
from realtime.feed import Feed
from realtime.hub import Hub
from realtime.log import EventLog
from realtime.recent_events import RecentEvents
from realtime.replay import Replays
from realtime.sse import Cursor
from tests.unit.listening import Reader, close_all

SIDES = ("seller:1", "buyer:2")
ASKED = (("seller:1",), ("buyer:2",), ("seller:1", "buyer:2"), ("seller:*",), ("buyer:2", "seller:7"))
EPOCH = 3

PIECE = st.text(st.characters(codec="utf-8", exclude_characters="\x00\x1e"), max_size=5)
EVENT = st.tuples(
    st.sampled_from((0, 1)),
    st.sampled_from(("order.created", "message.created")),
    st.lists(PIECE, min_size=1, max_size=3),
)
ROW = st.tuples(st.sampled_from(("pack", "pack", "single")), st.lists(EVENT, min_size=1, max_size=5), st.integers(0, 2))
"""Its form, its events, and how many numbers before it belong to nobody, as of a transaction that was rolled back."""


class WrittenLog:
    """The same events twice: in rows as they are written, and one by one, as they should be read."""

    def __init__(self, described):
        self.rows, self.events, number = [], [], 0
        for form, described_events, gap in described:
            number += gap
            batch = described_events if form == "pack" else described_events[:1]
            pieces = list(dict.fromkeys(piece for _, _, used in batch for piece in used))
            for side, type, used in batch:
                number += 1
                self.events.append((number, SIDES[side], type, "".join(used)))
            recipe = ";".join(
                f"{type} {side} {'.'.join(str(pieces.index(one)) for one in used)}" for side, type, used in batch
            )
            if form == "pack":
                self.rows.append((number, *SIDES, recipe, "\x1e".join(pieces)))
            else:
                self.rows.append((number, self.events[-1][1], None, self.events[-1][2], self.events[-1][3]))
        self.head = number

    def expected(self, channels, after):
        wanted = packs.matching(channels)
        return [one for one in self.events if one[0] > after and one[1] in wanted]

    def store(self, cursor):
        cursor.execute("TRUNCATE realtime_packs, realtime_events")
        cursor.execute("UPDATE realtime_log SET pruned_through = 0, epoch = %s", [EPOCH])
        for seq, channel, other, recipe, pieces in self.rows:
            if other is None:
                cursor.execute(
                    "INSERT INTO realtime_events (seq, channel, type, data) VALUES (%s, %s, %s, %s)",
                    (seq, channel, recipe, pieces),
                )
            else:
                cursor.execute(
                    "INSERT INTO realtime_packs (seq, channel, other, recipe, pieces) VALUES (%s, %s, %s, %s, %s)",
                    (seq, channel, other, recipe, pieces),
                )


def frames(events):
    return [sse.encode(type, data, f"{EPOCH}.{number}") for number, _, type, data in events]


@pytest.fixture
def event_log(settings, _green, empty, sql, monkeypatch):
    """Pages of three rows, so that a page ends behind each of them."""
    ((epoch,),) = sql("SELECT epoch FROM realtime_log")
    for module in (log_module, feed_module, replay):
        monkeypatch.setattr(module, "PAGE", 3)
    pool = PreparedPool(settings.dsn, 1, "test")
    yield EventLog(pool)
    pool.close()
    sql("UPDATE realtime_log SET epoch = %s", epoch)


@given(st.lists(ROW, min_size=1, max_size=7), st.sampled_from(ASKED), st.integers(1, 4))
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_stream_that_breaks_anywhere_goes_on_with_the_same_bytes(settings, event_log, described, channels, limit):
    """From memory, from the log, page by page and live; a cursor may lie inside a pack."""
    written = WrittenLog(described)
    with closing(psycopg2.connect(settings.dsn)) as connection, connection:
        written.store(connection.cursor())
    feed = Feed(event_log, Hub(), None, lambda: None)
    feed._begin()
    remembered, nothing = feed.recent, RecentEvents(feed.position)
    assert (0, written.head) == (remembered.start, feed.position)
    for cursor in range(written.head + 1):
        expected = frames(written.expected(channels, cursor))
        for feed.recent in (remembered, nothing):
            replayed = [one for page in Replays(feed, event_log).pages(channels, cursor, feed.position) for one in page]
            assert expected == frames(replayed)
        assert expected == polled(event_log, channels, cursor, limit)
    for position in (0, *(row[0] for row in written.rows)):
        assert frames(written.expected(channels, position)) == heard_live(written, channels, position, limit)


def polled(event_log, channels, cursor, limit):
    """What a client that polls gets from there on, as a stream would have sent it."""
    found, after, more = [], str(Cursor(EPOCH, cursor)), True
    while more:
        page = polling.page(event_log, channels, after, limit)
        assert len(page.events) <= limit
        found += page.events
        after, more = str(page.cursor), page.more
    assert after.endswith(f".{event_log.state().head}")
    shown = re.compile(r'\{"id":"([0-9.]+)","channel":"[^"]*","type":"([^"]*)","data":(.*)\}', re.DOTALL)
    parts = [shown.fullmatch(one).groups() for one in found]
    return [sse.encode(type, data, id) for id, type, data in parts]


def heard_live(written, channels, position, batch):
    """What somebody hears who subscribes there, while the rest is published in batches."""
    hub = Hub()
    feed = Feed(None, hub, None, lambda: None)
    feed.epoch, feed.position, feed.recent = EPOCH, position, RecentEvents(position)
    reader = Reader(hub, "iterator", *channels)
    rest = [row for row in written.rows if row[0] > position]
    for start in range(0, len(rest), batch):
        feed.publish(rest[start : start + batch])
    heard = reader.read()
    close_all(hub)
    return [one + b"\n\n" for one in heard.split(b"\n\n")[:-1]] if heard else []


@given(st.lists(ROW, min_size=1, max_size=7))
@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_takes_the_same_events_out_of_a_pack(settings, event_log, described):
    """Reports, the completeness check and the erasure read a pack there."""
    written = WrittenLog(described)
    with closing(psycopg2.connect(settings.dsn)) as connection, connection, connection.cursor() as cursor:
        written.store(cursor)
        cursor.execute("SELECT seq, channel, type, data FROM live_events ORDER BY seq")
        assert written.events == cursor.fetchall()


def test_both_forms_have_the_same_events_in_the_same_order(onward, cast, alice, bob, outbox, sql):
    """What differs is numbers, ids and times."""
    told = []
    for packed in (True, False):
        onward.realtime.feed.packed = packed
        sql("TRUNCATE realtime_packs, realtime_events")
        order = cast.place()
        outbox.run_until_idle()
        alice.post(f"/api/orders/{order['id']}/messages", {"body": 'It is "urgent"\n\t'})
        bob.move(order["id"], "CONFIRMED")
        bob.move(order["id"], "CANCELLED", 'Sold out: "all" of it\\')
        outbox.run_until_idle()
        rows = sql("SELECT channel, type, data FROM live_events ORDER BY seq")
        told.append([(channel, type, re.sub(r"\d+", "0", data)) for channel, type, data in rows])
    onward.realtime.feed.packed = True

    assert told[0] == told[1]
    assert 3 + 3 + 6 + 6 == len(told[0]), "a new order, a message, and two changes"


def test_a_change_takes_one_row_and_as_many_numbers_as_it_has_events(cast, bob, outbox, sql):
    order = cast.place()
    outbox.run_until_idle()
    ((before,),) = sql("SELECT max(seq) FROM realtime_packs")
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()

    ((seq, channel, other),) = sql("SELECT seq, channel, other FROM realtime_packs WHERE seq > %s", before)
    assert (before + 6, f"seller:{bob.id}", f"buyer:{order['buyer_id']}") == (seq, channel, other)
    assert list(range(before + 1, before + 7)) == [
        seq for (seq,) in sql("SELECT seq FROM live_events WHERE seq > %s ORDER BY seq", before)
    ]


def test_a_live_event_shows_what_the_api_shows(form, cast, alice, bob, outbox, sql):
    """Its JSON is put together from pieces there, and by row_to_json here."""
    order = cast.place()
    outbox.run_until_idle()
    sql("TRUNCATE realtime_packs, realtime_events")
    said = alice.post(f"/api/orders/{order['id']}/messages", {"body": 'He said "no"\n'}).json
    outbox.run_until_idle()
    bob.move(order["id"], "CANCELLED", "Sold \\ out")
    outbox.run_until_idle()

    for channel, person in (("buyer", alice), ("seller", bob)):
        events = [
            (type, data)
            for type, data in sql(
                "SELECT type, data::json FROM live_events WHERE channel = %s ORDER BY seq", f"{channel}:{person.id}"
            )
        ]
        shown = person.get("/api/notifications").json["notifications"]
        told = [data["notification"] for type, data in events if type == "notification.created"]
        assert shown[: len(told)] == told[::-1]
        conversation = person.get(f"/api/orders/{order['id']}/messages").json["messages"]
        assert conversation[-2:] == [data["message"] for type, data in events if type == "message.created"]
        assert said in conversation
        (change,) = [data for type, data in events if type == "order.status_changed"]
        assert person.get(f"/api/orders/{order['id']}").json == change["order"]
        history = person.get(f"/api/orders/{order['id']}/history").json["events"]
        (shown,) = [event for event in history if event["id"] == change["event"]["id"]]
        assert change["event"] == {name: shown[name] for name in change["event"]}


def test_a_pack_that_is_lost_is_missed_and_one_that_is_there_is_not(app, cast, bob, outbox, sql, monkeypatch):
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    monkeypatch.setattr(completeness, "COMPLETED_AFTER_SECONDS", -1)
    with app.app_context():
        event_types = onward_of(app).engine.event_types.values()
        assert [] == list(completeness.missing(event_types, 24))
        sql("DELETE FROM realtime_packs WHERE seq = (SELECT max(seq) FROM realtime_packs)")
        assert ["realtime.seller", "realtime.buyer"] == [one.effect for one in completeness.missing(event_types, 24)]
