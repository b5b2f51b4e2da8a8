"""Bodies that are not read, malformed, or end early: each affects its own client only."""

from __future__ import annotations

import socket
from contextlib import suppress

import orjson
import pytest

from tests.facts import eventually

pytestmark = [pytest.mark.journey, pytest.mark.timeout(60)]

ENDLESS = b"Content-Length: 99999999999\r\n"


def dial(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def head(path, *fields, method=b"POST"):
    return b"%b %b HTTP/1.1\r\nHost: onward\r\n%b\r\n" % (method, path, b"".join(fields))


def said(client):
    """All that the server says until it closes the connection."""
    answer = b""
    with suppress(ConnectionError):
        while piece := client.recv(65536):
            answer += piece
    return answer


def pour(client, most):
    """Send as fast as the socket takes it until the connection ends; returns how much left here."""
    piece, sent = b"x" * 65536, 0
    with suppress(ConnectionError):
        while sent < most:
            sent += client.send(piece)
    return sent


@pytest.mark.parametrize("path", [b"/nowhere", b"/sign-in", b"/api/orders"])
def test_a_body_that_nobody_asked_for_is_not_taken(server, path):
    workers = server.workers()
    with dial(server) as client:
        client.sendall(head(path, ENDLESS))
        poured = pour(client, 64 * 2**20)

    assert poured < 64 * 2**20  # what the kernels on both sides hold, and 64 KB
    assert workers == server.workers()
    assert "WORKER TIMEOUT" not in server.log


@pytest.mark.parametrize("length", [ENDLESS, b"Transfer-Encoding: chunked\r\n"])
def test_an_answer_before_the_body_says_that_the_connection_ends(server, length):
    with dial(server) as client:
        client.sendall(head(b"/nowhere", length))
        answer = said(client)

    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"\r\nConnection: close\r\n" in answer


def test_a_small_body_that_is_there_already_ends_no_connection(server):
    with dial(server) as client:
        for _ in range(2):
            client.sendall(head(b"/nowhere", b"Content-Length: 2\r\n") + b"{}")
            answer = client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 404 ")
            assert b"\r\nConnection: keep-alive\r\n" in answer


BROKEN = {
    "no number": b"xyz\r\nabc\r\n0\r\n\r\n",
    "a prefix": b"0x16\r\n" + b"x" * 22 + b"\r\n0\r\n\r\n",
    "a blank before": b" 16\r\n" + b"x" * 22 + b"\r\n0\r\n\r\n",
    "a sign": b"-1\r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "no line end after the data": b"3\r\nabcd0\r\n\r\n",
    "a bad extension": b'3;a="\r\nabc\r\n0\r\n\r\n',
    "a forbidden trailer": b"2\r\n{}\r\n0\r\nContent-Length: 3\r\n\r\n",
    "a trailer that is none": b"2\r\n{}\r\n0\r\n: x\r\n\r\n",
    "a size without an end": b"1" * 9000,
    "trailers without an end": b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 100_000,
    "an end in the middle": b"16\r\n{}",
    "no end": b"2\r\n{}\r\n",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("path", [b"/sign-in", b"/api/orders"])
def test_broken_chunks_are_refused_and_the_connection_ends(server, path, body):
    credential = b"Authorization: Bearer %b\r\n" % server.token("service", 1).encode()
    json = b"Content-Type: application/json\r\n" if path == b"/api/orders" else FORM
    with dial(server) as client:
        with suppress(ConnectionError):
            client.sendall(head(path, b"Transfer-Encoding: chunked\r\n", json, credential) + body)
            client.shutdown(socket.SHUT_WR)
        answer = said(client)

    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"\r\nConnection: close\r\n" in answer
    assert b"malformed_request" in answer


FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


def test_a_body_that_ends_early_is_not_carried_out(server):
    """RFC 9112, section 8: an incomplete request."""
    order, body = server.place_order(), b'{"status":"CONFIRMED"}'
    token = server.token("seller", 1).encode()
    fields = (b"Content-Type: application/json\r\n", b"Authorization: Bearer %b\r\n" % token)
    for _ in range(2):  # the second time the credential is known already, and the quick way is taken
        with dial(server) as client:
            path = b"/api/orders/%d/status" % order["id"]
            client.sendall(head(path, b"Content-Length: 500\r\n", *fields, method=b"PATCH") + body)
            client.shutdown(socket.SHUT_WR)
            answer = said(client)
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert b"\r\nConnection: close\r\n" in answer
        server.http.get(f"{server.url}/api/me", headers={"Authorization": f"Bearer {token.decode()}"}, timeout=10)
    assert [("PENDING",)] == server.sql(f"SELECT status FROM orders WHERE id = {order['id']}")


def test_chunks_whose_framing_outweighs_what_they_hold_are_refused(server):
    """65,536 bytes, one to a chunk, cost 0.17 s of the processor before anybody was asked who he is."""
    with dial(server) as client:
        with suppress(ConnectionError):
            client.sendall(head(b"/sign-in", b"Transfer-Encoding: chunked\r\n", FORM) + b"1\r\nx\r\n" * 60_000)
        answer = said(client)

    assert answer.startswith(b"HTTP/1.1 400 "), answer


def test_small_chunks_are_read_as_long_as_they_are_few(server):
    order = orjson.dumps({"status": "CONFIRMED"})
    placed = server.place_order()
    credential = b"Authorization: Bearer %b\r\n" % server.token("seller", 1).encode()
    chunks = b"".join(b"1\r\n%b\r\n" % order[at : at + 1] for at in range(len(order))) + b"0\r\n\r\n"
    path = b"/api/orders/%d/status" % placed["id"]
    fields = (b"Transfer-Encoding: chunked\r\n", b"Content-Type: application/json\r\n", credential)
    with dial(server) as client:
        client.sendall(head(path, *fields, method=b"PATCH") + chunks)
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", [b"/zz", b"/livez"])
def test_a_peer_does_not_name_the_prefix(server, path):
    with dial(server) as client:
        client.sendall(head(path, b"SCRIPT_NAME: /zz\r\n", b"PATH_INFO: /livez\r\n", method=b"GET"))
        answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 404 " if path == b"/zz" else b"HTTP/1.1 200 ")


def test_requests_sent_in_one_go_let_others_in(server):
    """Ten thousand in a row on one connection: the worker serves others between them."""
    with dial(server) as client:
        client.sendall(head(b"/livez", method=b"GET") * 200)
        answers = b""
        eventually(lambda: server.http.get(f"{server.url}/livez", timeout=10).status_code == 200)
        while answers.count(b"HTTP/1.1 200 ") < 200:
            piece = client.recv(65536)
            assert piece
            answers += piece
