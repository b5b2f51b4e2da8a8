"""The main job over real processes: the response, and all effects, on whichever process they are read."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import psutil
import pytest
import requests

from tests.facts import eventually

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("spine")]

ALL_OF_A_CHANGE = ("order.status_changed", "notification.created", "message.created")


def versions(stream):
    return [event.data["order"]["version"] for event in stream.orders()]


def test_a_change_on_one_worker_reaches_streams_on_both(server):
    cast = server.cast()
    order = cast.place()
    with ExitStack() as open_streams:
        streams = []
        for _ in range(200):
            stream = open_streams.enter_context(server.stream(cast.alice.token))
            stream.until_type("hello")
            if len(_workers_of(server, [*streams, stream])) > len(streams):
                streams.append(stream)
            else:
                stream.close()  # a person has no more than six on one worker
            if len(streams) == 2:
                break
        assert 2 == len(streams), "one worker takes all connections"

        cast.bob.move(order["id"], "CONFIRMED")
        for stream in streams:
            stream.until_type(*ALL_OF_A_CHANGE)
            assert 2 in versions(stream)


def _workers_of(server, streams):
    """The workers that hold these streams' connections."""
    ours = {stream.port for stream in streams}
    return {
        pid
        for pid in server.workers()
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.raddr and connection.raddr.port in ours
    }


def test_each_effect_of_a_change_happens_exactly_once(server):
    cast = server.cast()
    order = cast.place()
    eventually(server.at_rest)
    with server.stream(cast.alice.token) as alice, server.stream(cast.bob.token) as bob:
        for stream in (alice, bob):
            stream.until_type("hello")
        cast.bob.move(order["id"], "CONFIRMED")
        cast.alice.post(f"/api/orders/{order['id']}/messages", {"body": "The last word"})
        alice.until(lambda heard: any("The last word" in str(event.data) for event in heard))
        bob.until(lambda heard: sum("The last word" in str(event.data) for event in heard) == 2)

        assert 1 == alice.types.count("order.status_changed") == bob.types.count("order.status_changed")
        assert (2, 1) == (alice.types.count("notification.created"), bob.types.count("notification.created"))
        assert 2 == alice.types.count("message.created") == bob.types.count("message.created")
    assert (2, 2) == (
        len(cast.alice.get("/api/notifications").json["notifications"]),
        len(cast.bob.get("/api/notifications").json["notifications"]),
    )
    assert 2 == len(cast.bob.get(f"/api/orders/{order['id']}/messages").json["messages"])
    eventually(server.at_rest)


def test_who_waits_for_the_effects_finds_them_done(server):
    cast = server.cast()
    order = cast.place()
    reply = cast.bob.move(order["id"], "CONFIRMED", Prefer="wait=10")

    assert ("wait=10", "done") == (reply.headers["Preference-Applied"], reply.headers["Onward-Effects"])
    events = cast.bob.get(f"/api/orders/{order['id']}/history").json["events"]
    assert {"succeeded"} == {effect["status"] for effect in events[1]["effects"]}
    assert 1 == len(cast.bob.get(f"/api/orders/{order['id']}/messages").json["messages"])


def test_a_reader_who_comes_back_with_the_cursor_gets_exactly_what_was_missed(server):
    cast = server.cast()
    order = cast.place()
    with server.stream(cast.alice.token) as before:
        before.until_type("hello")
        cast.bob.move(order["id"], "CONFIRMED")
        before.until(lambda _: 2 in versions(before))
        cursor = before.last_event_id
        heard = {event.id for event in before.heard}
    for status in ("PREPARING", "READY", "SHIPPED"):
        cast.bob.move(order["id"], status)
    eventually(server.at_rest)

    with server.stream(cast.alice.token, cursor) as after:
        after.until(lambda _: 5 in versions(after))
        after.until(lambda events: [one.type for one in events].count("message.created") >= 3)
        missed = [event for event in after.heard if event.type not in ("hello", "heartbeat")]
        seqs = [event.seq for event in missed]
        assert sorted(set(seqs)) == seqs, "in order, none twice"
        assert not {event.id for event in missed} & heard, "nothing that was heard before"
        expected = server.sql(
            f"SELECT count(*) FROM live_events WHERE channel = 'buyer:{cast.alice.id}'"
            f" AND seq > {cursor.rpartition('.')[2]}"
        )
        after.until(lambda _: len([one for one in after.heard if one.type != "hello"]) == expected[0][0])


def test_an_unknown_cursor_is_told_to_start_over(server):
    cast = server.cast()
    cast.place()
    for cursor in ("1.1", "garbage", "99999999999.5", f"{_epoch(server)}.999999999"):
        with server.stream(cast.alice.token, cursor) as stream:
            stream.until_type("resync")


def _epoch(server):
    return server.sql("SELECT epoch FROM realtime_log")[0][0]


def test_a_stranger_hears_nothing(server):
    cast = server.cast()
    with server.stream(cast.mallory.token) as mallory, server.stream(cast.bob.token) as bob:
        for stream in (mallory, bob):
            stream.until_type("hello")
        order = cast.place()
        cast.bob.move(order["id"], "CONFIRMED")
        bob.until_type(*ALL_OF_A_CHANGE)
        # What mallory could hear comes in order: her own news would have had to come after bob's.
        cast.place(seller_id=cast.mallory.id)
        mallory.until_type("order.created", "notification.created")

        assert {cast.mallory.id} == {event.data["order"]["seller_id"] for event in mallory.orders()}
        assert 1 == mallory.types.count("notification.created")


def test_the_stream_has_the_headers_that_proxies_need(server):
    with server.stream(server.cast().alice.token) as stream:
        assert 200 == stream.status
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert "no-cache, no-transform" == stream.headers["cache-control"]
        assert "no" == stream.headers["x-accel-buffering"]
        (hello,) = stream.until_type("hello")
        assert {"at", "epoch", "head", "heartbeat_seconds", "type", "version"} == hello.data.keys()


def test_an_idle_stream_holds_no_database_connection(server):
    before = _connections(server)
    with ExitStack() as open_streams:
        for _ in range(40):
            open_streams.enter_context(server.stream(server.cast().alice.token)).until_type("hello")

        assert _connections(server) <= before + 4  # the cold pools may have grown meanwhile


def _connections(server):
    return server.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{server.database}'")[0][0]


def test_a_killed_workers_entries_are_completed_by_the_others(own_server):
    """kill -9 between the commit and the effects: the bulkheads are stopped by a lock that a test holds."""
    cast = own_server.cast()
    orders = [cast.place()["id"] for _ in range(20)]
    eventually(own_server.at_rest)
    with _effects_stopped(own_server):
        for order in orders:
            assert 200 == cast.bob.move(order, "CONFIRMED").status
        assert [(20,)] == own_server.sql("SELECT count(*) FROM outbox")
        for pid in own_server.workers():
            os.kill(pid, signal.SIGKILL)
    eventually(own_server.at_rest)

    # Each change of status once: two notifications for the buyer, one message; each new order one notification.
    assert [(20 * 2 + 20,)] == own_server.sql("SELECT count(*) FROM notifications")
    assert [(20,)] == own_server.sql("SELECT count(*) FROM messages")
    assert [(20 * 2,)] == own_server.sql("SELECT count(*) FROM live_events WHERE type = 'order.status_changed'")


class _effects_stopped:  # noqa: N801  reads as a sentence
    """Holds the log's lock, so that every batch waits for it."""

    def __init__(self, server):
        self._server = server

    def __enter__(self):
        import psycopg2

        self._connection = psycopg2.connect(self._server.settings.dsn)
        self._connection.cursor().execute("SELECT pg_advisory_xact_lock(9002)")

    def __exit__(self, *_):
        self._connection.rollback()
        self._connection.close()


def test_a_told_stop_says_goodbye_and_is_over_in_seconds(own_server):
    cast = own_server.cast()
    with own_server.stream(cast.alice.token) as stream:
        stream.until_type("hello")
        os.kill(own_server.pid, signal.SIGTERM)
        (*_, bye) = stream.until_end()

    assert ("bye", "restart") == (bye.type, bye.data["reason"])
    eventually(lambda: not psutil.pid_exists(own_server.pid) or _zombie(own_server.pid), within=10)


def _zombie(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_livez_and_readyz_answer(server):
    assert {"status": "ok"} == requests.get(f"{server.url}/livez", timeout=5).json()
    assert {"status": "ok"} == requests.get(f"{server.url}/readyz", timeout=5).json()


def test_a_large_body_is_refused_while_it_is_sent(server):
    cast = server.cast()
    order = cast.place()
    reply = cast.bob.move(order["id"], "CONFIRMED", "x" * 70_000)

    assert (413, "body_too_large") == (reply.status, reply.json["code"])
