"""Opening streams: cursors and their reasons, missed events, limits; in both ways."""

from __future__ import annotations

import gevent
import pytest

from realtime.log import Pruned
from realtime.recent_events import RecentEvents
from realtime.replay import REPLAY_LIMIT, REPLAYS_AT_ONCE
from tests.unit.listening import WAYS, parse, rows
from tests.unit.live_parts import LiveStack


def ids(events):
    return [int(event["id"].rpartition(".")[2]) for event in events if event["event"] == "order.created"]


def test_a_new_reader_is_told_where_it_begins(live):
    (hello,) = live.first()

    assert ("hello", "7.200", "2000") == (hello["event"], hello["id"], hello["retry"])


@pytest.mark.parametrize("cursor", [f"7.{seq}" for seq in (100, 101, 150, 199, 200)])
def test_a_reader_who_comes_back_gets_exactly_what_was_missed(live, cursor):
    hello, *missed = live.first(cursor)

    assert "id" not in hello, "the reader keeps its own cursor until the replay has moved it"
    assert list(range(int(cursor[2:]) + 1, 201)) == ids(missed)
    assert 0 == live.replays.from_log


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [("7.99", "expired"), ("7.201", "ahead of head"), ("6.150", "epoch"), ("8.150", "epoch"), ("garbage", "unknown")],
)
def test_a_cursor_that_cannot_be_used_is_told_why(live, cursor, reason):
    hello, resync = live.first(cursor)

    assert ("hello", "resync", "7.200") == (hello["event"], resync["event"], resync["id"])
    assert f'"reason":"{reason}"' in resync["data"]


def test_what_the_ring_does_not_hold_comes_from_the_log(live):
    live.feed.recent = RecentEvents(200)

    assert list(range(151, 201)) == ids(live.first("7.150"))
    assert 1 == live.replays.from_log


def test_who_has_missed_too_much_is_told_to_start_over(live):
    live.log.rows += rows(*range(201, 201 + 2 * REPLAY_LIMIT))
    live.feed.look(polling=True)
    *missed, resync = live.first("7.100")

    assert REPLAY_LIMIT == len(ids(missed))
    assert '"reason":"too far behind"' in resync["data"]
    assert f"7.{live.feed.position}" == resync["id"]


def test_a_cursor_that_another_process_gave_is_waited_for_and_nothing_comes_twice(live):
    live.log.rows += rows(201, 202, 203)

    def open_and_begin():
        opening = live.open("7.202")
        return opening, parse(b"".join(opening.first()))

    begun = gevent.spawn(open_and_begin)
    gevent.sleep(0)
    live.feed.look(polling=True)
    opening, first = begun.get(timeout=5)
    live.feed.appended(rows(204))
    live.feed.look()

    assert [203, 204] == ids(first + parse(opening.subscriber.backlog.take()))


def test_at_most_eight_replay_from_the_database_at_once(live):
    live.feed.recent = RecentEvents(200)
    storm = [gevent.spawn(live.first, "7.150", (f"buyer:{id}", ("buyer:1",))) for id in range(100)]
    answers = [greenlet.get(timeout=10) for greenlet in storm]

    assert all(list(range(151, 201)) == ids(events) for events in answers)
    assert 1 < live.log.most_inside <= REPLAYS_AT_ONCE


def test_with_the_database_away_the_reader_is_asked_to_come_again(live):
    live.feed.recent = RecentEvents(200)
    live.log.away = True

    assert live.open("7.150") is None
    assert b'"reason":"overloaded"' in live.streams.refusal()


def test_a_replay_that_breaks_off_asks_the_reader_to_come_again(live):
    live.feed.recent = RecentEvents(200)
    opening = live.open("7.150")
    live.log.away = True
    list(opening.first())

    assert b"event: bye" in opening.subscriber.backlog.take()
    assert "overloaded" == opening.subscriber.closed_for


def test_what_is_published_during_the_replay_follows_it(live):
    opening = live.open("7.190")
    live.feed.appended(rows(201, 202))
    live.feed.look()
    replayed = parse(b"".join(opening.first()))

    assert list(range(191, 201)) == ids(replayed)
    assert [201, 202] == ids(parse(opening.subscriber.backlog.take()))


def test_the_seventh_stream_of_a_person_closes_the_first(live):
    streams = [live.open() for _ in range(7)]

    assert ["too many streams"] + [""] * 6 == [one.subscriber.closed_for for one in streams]


def test_a_service_may_open_as_many_as_it_likes(live):
    streams = [live.open(who=("service:1", ("seller:1", "buyer:1")), counted=False) for _ in range(20)]

    assert not any(one.subscriber.closed_for for one in streams)


@pytest.mark.parametrize("way", WAYS)
def test_a_full_process_opens_no_more(way):
    live = LiveStack(way, in_all=3)

    assert [True, True, True, False] == [live.open(who=(f"buyer:{id}", ("x:1",))) is not None for id in range(4)]
    refused = parse(live.streams.refusal())[0]
    assert ("bye", True) == (refused["event"], 1000 <= int(refused["retry"]) <= 5000)


@pytest.mark.parametrize("way", WAYS)
def test_a_process_that_was_just_started_lets_its_readers_wait_for_the_log(way):
    live = LiveStack(way, followed=False)
    assert live.open("7.150") is None, "nobody follows the log here"
    live.feed.start()
    opening = live.open("7.150")
    live.feed.stop()

    assert list(range(151, 201)) == ids(parse(b"".join(opening.first())))


def test_iterated_streams_leave_connections_to_requests():
    live = LiveStack("iterator", iterated=2)

    assert [True, True, False] == [live.open(who=(f"buyer:{id}", ("x:1",))) is not None for id in range(3)]


def test_a_draining_process_opens_no_more_and_tells_all(live):
    stream = live.open()
    live.streams.drain()

    assert "restart" == stream.subscriber.closed_for
    assert live.open() is None


def test_a_log_that_is_pruned_during_a_replay_is_no_silent_gap(live, monkeypatch):
    live.feed.recent = RecentEvents(200)

    def gone(*_):
        raise Pruned

    monkeypatch.setattr(live.log, "replay", gone)
    (_, resync) = live.first("7.150")

    assert '"reason":"expired"' in resync["data"]


def test_who_lost_a_right_while_waiting_is_not_let_in(live, monkeypatch):
    begun = live.feed.begun

    def wait_long(seconds):
        live.rights_version += 1
        return begun(seconds)

    monkeypatch.setattr(live.feed, "begun", wait_long)

    assert live.open() is None
    monkeypatch.undo()
    assert live.open() is not None


def test_a_replay_that_breaks_off_sends_nothing_from_behind_the_gap(live):
    live.feed.recent = RecentEvents(200)
    opening = live.open("7.150")
    live.log.away = True
    live.feed.publish(rows(201))
    b"".join(opening.first())

    assert ["bye"] == [one["event"] for one in parse(opening.subscriber.backlog.take())]
