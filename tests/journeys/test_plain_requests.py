"""Plain requests are answered before gunicorn reads them, with the same responses."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager, suppress

import pytest
import requests
from onward_client import Onward, OnwardError

from tests.facts import eventually
from tests.journeys.server import Server

pytestmark = pytest.mark.journey

LEFT_TO_GUNICORN = "TE: trailers\r\n"
CHANGING = re.compile(
    rb'(X-Request-ID: |"request_id":")[0-9a-f]{16}|("(id|number)":)[^,]+|\d{4}-\d\d-\d\dT[^"]+|(Content-Length: )\d+'
    rb"|(?<=Date: )[^\r]+"
)


class Line:
    """One kept connection, spoken to by hand."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, token, order, status, more="", pieces=1):
        body = f'{{"status":"{status}"}}'
        said = (
            f"PATCH /api/orders/{order}/status HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {token}\r\n"
            f"{more}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        step = -(-len(said) // pieces)
        for start in range(0, len(said), step):
            self.socket.sendall(said[start : start + step])
        return self.receive()

    def receive(self):
        """A whole answer: its head, and its body."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.socket.recv(65536) or pytest.fail(f"the connection ended after {got!r}")
        head, _, body = got.partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: (\d+)", head)[1])
        while len(body) < length:
            body += self.socket.recv(65536) or pytest.fail(f"the connection ended after {body!r}")
        return head, body


@pytest.fixture
def line(server):
    with Line(server) as line:
        yield line


@pytest.fixture
def known(server):
    """bob, whom both workers have met."""
    cast = server.cast()
    for _ in range(20):
        with Line(server) as line:
            line.socket.sendall(
                f"GET /api/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {cast.bob.token}\r\n\r\n".encode()
            )
            assert line.receive()[0].startswith(b"HTTP/1.1 200 ")
    return cast


def alike(answer):
    """An answer without what differs from request to request; the order of its header fields means nothing."""
    head, body = (CHANGING.sub(rb"\1\2\4", part) for part in answer)
    first, *fields = head.split(b"\r\n")
    return first, sorted(fields), body


@pytest.mark.parametrize(
    ("status", "more", "wanted"),
    [
        ("CONFIRMED", "", b"200 OK"),
        ("CONFIRMED", 'If-Match: "1"\r\n', b"200 OK"),
        ("CONFIRMED", 'If-Match: "7"\r\n', b"412 "),
        ("DELIVERED", "", b"409 "),
        ("NOWHERE", "", b"422 "),
    ],
)
def test_both_ways_answer_alike_to_the_byte(server, known, line, status, more, wanted):
    orders = [known.place()["id"] for _ in range(2)]

    quick = line.send(known.bob.token, orders[0], status, more)
    with Line(server) as other:
        slow = other.send(known.bob.token, orders[1], status, more + LEFT_TO_GUNICORN)

    assert quick[0].startswith(b"HTTP/1.1 " + wanted)
    assert alike(quick) == alike(slow)


def test_a_connection_goes_on_after_each_answer_whoever_gave_it(known, line):
    order = known.place()["id"]
    said = [("CONFIRMED", ""), ("CONFIRMED", ""), ("PREPARING", ""), ("READY", LEFT_TO_GUNICORN), ("SHIPPED", "")]

    answers = [line.send(known.bob.token, order, status, more)[0][9:12] for status, more in said]

    assert [b"200", b"409", b"200", b"200", b"200"] == answers


def test_a_request_that_comes_in_pieces_is_read_whole(known, line):
    order = known.place()["id"]

    assert b"200" == line.send(known.bob.token, order, "CONFIRMED", pieces=4)[0][9:12]
    assert b"200" == line.send(known.bob.token, order, "PREPARING")[0][9:12]


def test_two_requests_that_come_together_are_both_answered(known, line):
    order = known.place()["id"]
    bodies = [f'{{"status":"{status}"}}' for status in ("CONFIRMED", "PREPARING")]
    line.socket.sendall(
        b"".join(
            f"PATCH /api/orders/{order}/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {known.bob.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            for body in bodies
        )
    )

    got = b""
    while got.count(b'"allowed_transitions"') < 2:
        got += line.socket.recv(65536) or pytest.fail(f"the connection ended after {got!r}")
    assert 2 == got.count(b"HTTP/1.1 200 OK")


def test_what_is_refused_is_done_once(server, known, line):
    """The refused request is read again by the server, to tell what was wrong; it is not tried again."""
    order = known.place()["id"]
    eventually(server.at_rest)
    head, body = line.send(known.bob.token, order, "DELIVERED", "X-Request-ID: mine-1\r\n")

    assert b"409" == head[9:12]
    assert b'"request_id":"mine-1"' in body
    assert [(1,)] == server.sql(f"SELECT count(*) FROM order_events WHERE order_id = {order}")


@pytest.mark.parametrize("more", ["", LEFT_TO_GUNICORN], ids=["plain", "left to gunicorn"])
def test_two_fields_that_contradict_each_other_on_https_are_refused_either_way(server, known, line, more):
    """A plain PATCH with both was carried out, where gunicorn refuses it of a peer that it trusts."""
    order = known.place()["id"]
    said = "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n"
    head, body = line.send(known.bob.token, order, "CONFIRMED", said + more)

    assert (b"400", True) == (head[9:12], b'"code":"malformed_request"' in body)
    assert [(1,)] == server.sql(f"SELECT version FROM orders WHERE id = {order}")


def test_only_trusted_hosts_are_served_whoever_reads_the_request(fresh_database):
    with Server(fresh_database, workers=1, TRUSTED_HOSTS="shop.example,127.0.0.1") as server:
        cast = server.cast()
        order = cast.place()["id"]
        assert 200 == cast.bob.get("/api/me").status
        head, authorized = "HTTP/1.1\r\nHost: evil.example\r\n", f"Authorization: Bearer {cast.bob.token}\r\n\r\n"
        for address in ("GET /api/stream", f"PATCH /api/orders/{order}/status", "GET /livez"):
            with Line(server) as line:
                line.socket.sendall(f"{address} {head}{authorized}".encode())
                assert b"400" == line.receive()[0][9:12]
        with Line(server) as line:
            assert b"200" == line.send(cast.bob.token, order, "CONFIRMED")[0][9:12]


def read_by(server, reader):
    """How many requests this reader has read, in all processes."""
    counted = re.findall(
        rf'onward_request_seconds_count{{reader="{reader}",status="[2-5]xx"}} ([0-9.]+)',
        server.http.get(f"{server.url}/metrics", timeout=10).text,
    )
    return sum(map(float, counted))


@pytest.mark.parametrize("client", ["requests", "ours"])
def test_what_python_programs_send_is_read_as_plain_whatever_came_before(server, known, client):
    """Head and body come in two segments: 1 of 20 was, and 6 of 20 of our own client's; none after a GET."""
    order, before = known.place()["id"], read_by(server, "plain")
    with SENDERS[client](server, known.bob.token) as change:
        for status in ["CONFIRMED", "PREPARING", "READY"] + ["CONFIRMED"] * 17:
            change(order, status)

    eventually(lambda: read_by(server, "plain") >= before + 20)


@contextmanager
def by_requests(server, token):
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        assert session.get(f"{server.url}/api/me", timeout=10).ok
        yield lambda order, status: session.patch(
            f"{server.url}/api/orders/{order}/status", json={"status": status}, timeout=10
        )


@contextmanager
def by_our_client(server, token):
    with Onward(server.url, token) as onward:
        next(onward.orders())

        def change(order, status):
            with suppress(OnwardError):
                onward.change_status(order, status)

        yield change


SENDERS = {"requests": by_requests, "ours": by_our_client}


def test_requests_are_counted_and_timed_whoever_reads_them(server, known, line):
    order = known.place()["id"]
    before = {reader: read_by(server, reader) for reader in ("plain", "gunicorn")}
    for more in ("", LEFT_TO_GUNICORN):
        line.send(known.bob.token, order, "DELIVERED", more)

    eventually(lambda: all(read_by(server, reader) > count for reader, count in before.items()))
