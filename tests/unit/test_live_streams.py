"""Opening streams: cursors and their reasons, limits, ends; on both ways."""

from __future__ import annotations

import gevent
import psycopg2
import pytest
from gevent.event import Event

from foundation import clock
from realtime.feed import Feed
from realtime.hub import Hub
from realtime.limits import Limits
from realtime.log import PAGE, LogState, Pruned
from realtime.pulse import STEPS_PER_HEARTBEAT, Pulse, bye
from realtime.replay import REPLAY_LIMIT, REPLAYS_AT_ONCE, Replays
from realtime.ring import Ring
from realtime.stream import Listener, Streams
from tests.unit.listening import WAYS, rows
from tests.unit.test_live import parse

ALICE = ("buyer:1", ("buyer:1",))


class FakeLog:
    """Holds events 101 to 200, and what is above."""

    def __init__(self):
        self.rows, self.away, self.inside, self.most_inside = rows(*range(101, 201)), False, 0, 0

    def state(self):
        if self.away:
            raise psycopg2.OperationalError("away")
        return LogState(7, 100, self.rows[-1][0])

    def after(self, seq):
        return [row for row in self.rows if row[0] > seq][:PAGE]

    def replay(self, channels, seq, through):
        if self.away:
            raise psycopg2.OperationalError("away")
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        gevent.sleep(0)
        self.inside -= 1
        return [row for row in self.rows if seq < row[0] <= through and row[1] in channels][:PAGE]


class NoWakeUps:
    """The log is polled."""

    def start(self, tell):
        pass

    def stop(self):
        pass


class House:
    """The room without a database."""

    def __init__(self, way, in_all=100, per_person=6, iterated=100, followed=True):
        self.way, self.log, self.hub = way, FakeLog(), Hub()
        self.feed = Feed(self.log, self.hub, NoWakeUps(), lambda: None)
        if followed:
            self.feed.look()
        self.replays = Replays(self.feed, self.log)
        limits = Limits(self.hub, in_all, per_person, iterated)
        self.streams = Streams(self.hub, self.feed, self.replays, limits, "test")
        self.lost = set()
        self.pulse = Pulse(self.hub, lambda people: self.lost & set(people))

    def open(self, cursor="", who=ALICE, **more):
        return self.streams.open(Listener(*who, cursor, **more), self.way == "socket")

    def first(self, cursor="", who=ALICE):
        """What a stream begins with."""
        return parse(b"".join(self.open(cursor, who).first()))


def ids(events):
    return [int(event["id"].rpartition(".")[2]) for event in events if event["event"] == "order.created"]


@pytest.fixture(params=WAYS)
def house(request):
    return House(request.param)


def test_a_new_reader_is_told_where_it_begins(house):
    (hello,) = house.first()

    assert ("hello", "7.200", "2000") == (hello["event"], hello["id"], hello["retry"])


@pytest.mark.parametrize("cursor", [f"7.{seq}" for seq in (100, 101, 150, 199, 200)])
def test_a_reader_who_comes_back_gets_exactly_what_was_missed(house, cursor):
    hello, *missed = house.first(cursor)

    assert "id" not in hello, "the reader keeps its own cursor until the replay has moved it"
    assert list(range(int(cursor[2:]) + 1, 201)) == ids(missed)
    assert 0 == house.replays.from_log


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [("7.99", "expired"), ("7.201", "ahead of head"), ("6.150", "epoch"), ("8.150", "epoch"), ("garbage", "unknown")],
)
def test_a_cursor_that_cannot_be_used_is_told_why(house, cursor, reason):
    hello, resync = house.first(cursor)

    assert ("hello", "resync", "7.200") == (hello["event"], resync["event"], resync["id"])
    assert f'"reason":"{reason}"' in resync["data"]


def test_what_the_ring_does_not_hold_comes_from_the_log(house):
    house.feed.ring = Ring(200)

    assert list(range(151, 201)) == ids(house.first("7.150"))
    assert 1 == house.replays.from_log


def test_who_has_missed_too_much_is_told_to_start_over(house):
    house.log.rows += rows(*range(201, 201 + 2 * REPLAY_LIMIT))
    house.feed.look(polling=True)
    *missed, resync = house.first("7.100")

    assert REPLAY_LIMIT == len(ids(missed))
    assert '"reason":"too far behind"' in resync["data"]
    assert f"7.{house.feed.position}" == resync["id"]


def test_a_cursor_that_another_process_gave_is_waited_for_and_nothing_comes_twice(house):
    house.log.rows += rows(201, 202, 203)

    def open_and_begin():
        opening = house.open("7.202")
        return opening, parse(b"".join(opening.first()))

    begun = gevent.spawn(open_and_begin)
    gevent.sleep(0)
    house.feed.look(polling=True)
    opening, first = begun.get(timeout=5)
    house.feed.appended(rows(204))
    house.feed.look()

    assert [203, 204] == ids(first + parse(opening.subscriber.backlog.take()))


def test_at_most_eight_replay_from_the_database_at_once(house):
    house.feed.ring = Ring(200)
    storm = [gevent.spawn(house.first, "7.150", (f"buyer:{id}", ("buyer:1",))) for id in range(100)]
    answers = [greenlet.get(timeout=10) for greenlet in storm]

    assert all(list(range(151, 201)) == ids(events) for events in answers)
    assert 1 < house.log.most_inside <= REPLAYS_AT_ONCE


def test_with_the_database_away_the_reader_is_asked_to_come_again(house):
    house.feed.ring = Ring(200)
    house.log.away = True

    assert house.open("7.150") is None
    assert b'"reason":"overloaded"' in house.streams.refusal()


def test_a_replay_that_breaks_off_asks_the_reader_to_come_again(house):
    house.feed.ring = Ring(200)
    opening = house.open("7.150")
    house.log.away = True
    list(opening.first())

    assert b"event: bye" in opening.subscriber.backlog.take()
    assert "overloaded" == opening.subscriber.closed_for


def test_what_is_published_during_the_replay_follows_it(house):
    opening = house.open("7.190")
    house.feed.appended(rows(201, 202))
    house.feed.look()
    replayed = parse(b"".join(opening.first()))

    assert list(range(191, 201)) == ids(replayed)
    assert [201, 202] == ids(parse(opening.subscriber.backlog.take()))


def test_the_seventh_stream_of_a_person_closes_the_first(house):
    streams = [house.open() for _ in range(7)]

    assert ["too many streams"] + [""] * 6 == [one.subscriber.closed_for for one in streams]


def test_a_service_may_open_as_many_as_it_likes(house):
    streams = [house.open(who=("service:1", ("seller:1", "buyer:1")), counted=False) for _ in range(20)]

    assert not any(one.subscriber.closed_for for one in streams)


@pytest.mark.parametrize("way", WAYS)
def test_a_full_process_opens_no_more(way):
    house = House(way, in_all=3)

    assert [True, True, True, False] == [house.open(who=(f"buyer:{id}", ("x:1",))) is not None for id in range(4)]
    refused = parse(house.streams.refusal())[0]
    assert ("bye", True) == (refused["event"], 1000 <= int(refused["retry"]) <= 5000)


@pytest.mark.parametrize("way", WAYS)
def test_a_process_that_was_just_started_lets_its_readers_wait_for_the_log(way):
    house = House(way, followed=False)
    assert house.open("7.150") is None, "nobody follows the log here"
    house.feed.start()
    opening = house.open("7.150")
    house.feed.stop()

    assert list(range(151, 201)) == ids(parse(b"".join(opening.first())))


def test_iterated_streams_leave_connections_to_requests():
    house = House("iterator", iterated=2)

    assert [True, True, False] == [house.open(who=(f"buyer:{id}", ("x:1",))) is not None for id in range(3)]


def test_a_draining_process_opens_no_more_and_tells_all(house):
    stream = house.open()
    house.streams.drain()

    assert "restart" == stream.subscriber.closed_for
    assert house.open() is None


def test_many_who_are_told_to_go_are_asked_back_over_a_longer_time():
    retries = [int(parse(bye("restart", streams=20_000))[0]["retry"]) for _ in range(200)]

    assert max(retries) > 10_000
    assert min(retries) < 5_000
    assert len(set(retries)) > 150


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


def test_a_stream_is_renewed_after_ten_minutes_give_or_take_a_fifth(house, later):
    streams = [house.open(who=(f"buyer:{id}", ("x:1",))) for id in range(50)]
    later.by(479)
    house.pulse.walk()
    assert not any(one.subscriber.closed_for for one in streams)
    later.by(600)
    house.pulse.walk()
    assert 10 < sum(bool(one.subscriber.closed_for) for one in streams) < 40
    later.by(721)
    house.pulse.walk()
    assert {"renew"} == {one.subscriber.closed_for for one in streams}


def test_a_tokens_end_is_announced_and_then_ends_the_stream(house, later):
    stream = house.open(expires_at=clock.unix_seconds() + 200).subscriber
    stream.backlog.take()
    later.by(139)
    house.pulse.walk()
    assert b"auth-expiring" not in stream.backlog.take()
    later.by(141)
    house.pulse.walk()
    (warning,) = [event for event in parse(stream.backlog.take()) if event["event"] == "auth-expiring"]
    assert '"seconds":59' in warning["data"]
    later.by(199)
    house.pulse.walk()
    assert not stream.closed_for
    later.by(200.1)
    house.pulse.walk()
    assert "expired" == stream.closed_for


def test_a_token_that_ends_soon_is_announced_at_once(house):
    stream = house.open(expires_at=clock.unix_seconds() + 5).subscriber
    house.pulse.walk()

    assert b'"seconds":5' in stream.backlog.take()


def test_who_has_lost_the_right_to_listen_is_let_go(house):
    alice, bob = house.open().subscriber, house.open(who=("seller:1", ("seller:1",))).subscriber
    house.lost.add("buyer:1")
    house.pulse.ask_for_rights()

    assert ("rights-lost", "") == (alice.closed_for, bob.closed_for)


def test_every_stream_has_one_heartbeat_in_fifteen_seconds(house):
    streams = [house.open(who=(f"buyer:{id}", ("x:1",))).subscriber for id in range(50)]
    for fd, stream in enumerate(streams):
        stream.fd = fd if house.way == "socket" else -1
        stream.backlog.wake = Event()
    for _ in range(STEPS_PER_HEARTBEAT):
        house.pulse.walk()

    assert {1} == {stream.backlog.take().count(b"event: heartbeat") for stream in streams}


def test_a_log_that_is_pruned_during_a_replay_is_no_silent_gap(house, monkeypatch):
    house.feed.ring = Ring(200)

    def gone(*_):
        raise Pruned

    monkeypatch.setattr(house.log, "replay", gone)
    (_, resync) = house.first("7.150")

    assert '"reason":"expired"' in resync["data"]
