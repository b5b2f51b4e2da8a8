"""The fast path of the PATCH, whose responses are the same as Flask's."""

from __future__ import annotations

import http.client
import io
import json
import os
import time
from contextlib import closing, suppress
from typing import Any

import gevent
import pytest
from gevent import socket
from gunicorn.config import Config

from foundation.errors import RequestTimeout
from process import onward_of
from server import headers
from server.responses import Encoder
from tests.cast import Reply
from tests.integration.conftest import send_through

CHANGING = ("request_id", "id", "number", "created_at", "updated_at", "at")
BY_THE_SERVER = ("server", "connection", "date")
PATH = "/api/orders/{}/status"
RATE = {"ratelimit": "how many are left"}


def told(reply: Reply) -> tuple[int, dict[str, str], Any]:
    """A reply without what differs from order to order and from request to request."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    for name in ("x-request-id", "content-length", *BY_THE_SERVER):
        headers.pop(name, None)
    return reply.status, headers, without(reply.json)


def without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without(member) for name, member in value.items() if name not in CHANGING}
    return [without(one) for one in value] if isinstance(value, list) else value


class Received(io.BytesIO):
    """Bytes that are read as a response."""

    def makefile(self, _mode: str) -> io.BytesIO:
        return self


class Plainly:
    """Sends requests as bytes to the worker's reader of plain ones."""

    def __init__(self, onward: Any) -> None:
        from server.worker import StreamWorker

        self.worker = StreamWorker(0, os.getpid(), [], None, 10, Config(), None)
        self.worker.accept = onward.orders.fast_path.accept
        self.worker.encode = Encoder(headers.of_api(onward.settings)).encode

    def send(self, *segments: bytes, ends: bool = True) -> tuple[Reply | None, bytes]:
        """The reply, and what is left to gunicorn. Each segment is sent when all before it have been read."""
        ours, client = socket.socketpair()
        with ours, client:
            client.sendall(segments[0])
            serving = gevent.spawn(self._serve, ours)
            for segment in segments[1:]:
                gevent.sleep(0)
                gevent.sleep(0)
                client.sendall(segment)
            if ends:
                client.shutdown(socket.SHUT_WR)
            left = serving.get(timeout=10)
            ours.close()
            received = b"".join(iter(lambda: client.recv(65536), b""))
        return read(received) if received else None, left

    def _serve(self, connection: Any) -> bytes:
        with suppress(StopIteration):
            return self.worker._serve_plain(connection, b"")
        return b""

    def close(self) -> None:
        self.worker.tmp.close()


def read(received: bytes) -> Reply:
    response = http.client.HTTPResponse(Received(received))  # type: ignore[arg-type]
    response.begin()
    return Reply(response.status, dict(response.getheaders()), json.loads(response.read()))


def written(person: Any, order_id: int, body: Any, **headers: str) -> tuple[bytes, bytes]:
    """A PATCH as most clients send it: a head, and then a body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {
        "Host": "localhost",
        "Authorization": f"Bearer {person.token}",
        "Content-Type": "application/json",
        "Content-Length": str(len(raw)),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"PATCH {PATH.format(order_id)} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode(), raw


@pytest.fixture
def plainly(onward: Any) -> Any:
    with closing(Plainly(onward)) as plainly:
        yield plainly


@pytest.fixture
def both(cast: Any, outbox: Any, plainly: Any) -> Any:
    """Send the same request both ways, each to an order of its own; the two replies."""
    orders = cast.place()["id"], cast.place()["id"]

    def ask(person: Any, body: Any, **headers: str) -> tuple[Any, Any]:
        person.get("/api/me")
        fast, left = plainly.send(b"".join(written(person, orders[0], body, **headers)))
        assert fast, left
        return told(fast), told(person.request("PATCH", PATH.format(orders[1]), body, **headers))

    return ask


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"status": "CONFIRMED"}, {}, 200),
        ({"status": "CONFIRMED"}, {"If_Match": '"1"'}, 200),
        ({"status": "CONFIRMED"}, {"If_Match": '"7"'}, 412),
        ({"status": "CONFIRMED"}, {"Idempotency_Key": "with a blank"}, 422),
        ({"status": "CONFIRMED"}, {"X_Request_ID": "mine"}, 200),
        ({"status": "DELIVERED"}, {}, 409),
        ({"status": "NOWHERE"}, {}, 422),
        ({"status": "CONFIRMED", "colour": "red"}, {}, 422),
        ({"status": "CONFIRMED"}, {"Idempotency_Key": ""}, 422),
        ({"status": "CONFIRMED"}, {"If_Match": " "}, 422),
        (b'{"status": "CONFIRMED", "status": "CONFIRMED"}', {}, 422),
        (b'{"status": "CONFIRMED", "reason": "a", "re\\u0061son": "b"}', {}, 422),
        (b"{", {}, 400),
        (b'{"status": "CONFIRMED", "reason": "\\u0000"}', {}, 400),
    ],
)
def test_both_ways_answer_alike(both, bob, body, headers, status):
    fast, through_flask = both(bob, body, **headers)
    assert fast == through_flask
    assert status == fast[0]


def test_both_ways_turn_away_a_stranger_alike(both, mallory):
    assert (404, 404) == tuple(one[0] for one in both(mallory, {"status": "CONFIRMED"}))


@pytest.mark.parametrize("credential", ["Bearer forged", "Basic Ym9iOmJvYg==", "Bearer "])
def test_who_is_not_known_is_left_to_flask_before_the_body_is_there(placed, bob, plainly, credential):
    head, _ = written(bob, placed["id"], {"status": "CONFIRMED"}, Authorization=credential)

    assert (None, head) == plainly.send(head, ends=False)


def test_a_head_and_a_body_that_come_apart_are_answered_like_one_piece(placed, bob, plainly):
    """`requests`, and every client on top of http.client, sends them so; one in twenty was answered here."""
    bob.get("/api/me")
    reply, left = plainly.send(*written(bob, placed["id"], {"status": "CONFIRMED"}))

    assert (b"", 200, "CONFIRMED") == (left, reply.status, reply.json["status"])


def test_a_token_that_was_never_seen_is_answered_without_flask(placed, bob, onward, plainly):
    """It was left to Flask, and so was every request of more clients than were remembered."""
    onward.access.refresher.look()
    onward.access.credentials._cache.clear()
    reply, _ = plainly.send(*written(bob, placed["id"], {"status": "CONFIRMED"}))

    assert 200 == reply.status


def test_a_token_is_left_to_flask_while_its_revocation_may_be_unknown_here(placed, bob, onward, plainly, monkeypatch):
    onward.access.credentials._cache.clear()
    monkeypatch.setattr(onward.access.credentials.tokens.revocations, "_horizon", time.time() - 3600)
    head, _ = written(bob, placed["id"], {"status": "CONFIRMED"})

    assert (None, head) == plainly.send(head, ends=False)


def test_a_revoked_token_is_left_to_flask_and_refused(placed, bob, onward, plainly, sql):
    onward.access.refresher.look()
    token_id = onward.access.credentials.verify(bob.token).credential
    sql("INSERT INTO revocations (subject, actor, reason) VALUES (%s, 'a test', '')", token_id)
    onward.access.refresher.look()
    head, _ = written(bob, placed["id"], {"status": "CONFIRMED"})

    assert (None, head) == plainly.send(head, ends=False)
    assert 401 == bob.move(placed["id"], "CONFIRMED").status


def test_a_large_body_in_many_segments_is_read_whole(placed, bob, plainly):
    bob.get("/api/me")
    head, body = written(bob, placed["id"], b'{"status":"CONFIRMED"}'.ljust(60_000))
    reply, left = plainly.send(head, *(body[at : at + 10_000] for at in range(0, 60_000, 10_000)))

    assert (b"", 200) == (left, reply.status)


def test_a_body_that_is_cut_short_is_left_to_gunicorn_with_all_that_came(placed, bob, plainly):
    bob.get("/api/me")
    head, body = written(bob, placed["id"], {"status": "CONFIRMED"})

    assert (None, head + body[:-1]) == plainly.send(head, body[:-1])


def test_a_body_that_never_comes_is_timed_out(placed, bob, plainly):
    bob.get("/api/me")
    plainly.worker.body_seconds = 0.01
    head, _ = written(bob, placed["id"], {"status": "CONFIRMED"})

    with pytest.raises(RequestTimeout, match="body did not arrive"):
        plainly.send(head, ends=False)


def test_requests_that_come_together_are_left_to_gunicorn(placed, bob, plainly):
    bob.get("/api/me")
    one = b"".join(written(bob, placed["id"], {"status": "CONFIRMED"}))

    assert (None, one + one) == plainly.send(one + one)


def test_a_request_id_of_the_client_comes_back(both, bob, placed, plainly):
    bob.get("/api/me")
    sent = {
        status: b"".join(written(bob, placed["id"], {"status": status}, X_Request_ID=status))
        for status in ("CONFIRMED", "DELIVERED")
    }

    assert "CONFIRMED" == plainly.send(sent["CONFIRMED"])[0].headers["X-Request-ID"]
    assert "DELIVERED" == plainly.send(sent["DELIVERED"])[0].json["request_id"]


def test_an_unforeseen_failure_is_told_like_any_other(both, bob, onward, monkeypatch):
    def fail(_change: Any) -> None:
        raise RuntimeError("an internal secret")

    monkeypatch.setattr(onward.orders.changes, "change", fail)
    fast, through_flask = both(bob, {"status": "CONFIRMED"})
    assert fast == through_flask
    assert (500, "internal_error") == (fast[0], fast[2]["code"])
    assert "secret" not in str(fast)


def test_both_ways_bear_the_same_header_fields(app_with, settings, empty):
    """Strict-Transport-Security and Vary were missing in what gunicorn had not read."""
    app = app_with(public_url="https://shop.example", cors_origins=("https://other.example",), rate_limit_writes=1000)
    cast = send_through(app, settings)
    with closing(Plainly(onward_of(app))) as plainly:
        cast.bob.get("/api/me")
        for status in ("DELIVERED", "CONFIRMED"):
            fast, _ = plainly.send(b"".join(written(cast.bob, cast.place()["id"], {"status": status})))
            slow = cast.bob.move(cast.place()["id"], status)
            assert {"Strict-Transport-Security", "Vary", "RateLimit"} <= fast.headers.keys()
            assert told(fast)[1] | RATE == told(slow)[1] | RATE
