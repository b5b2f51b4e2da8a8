"""Clients that send a head or a body byte by byte are dropped, over real sockets."""

from __future__ import annotations

import json
import socket
from contextlib import suppress

import pytest
import requests

from tests.facts import eventually
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("streams")]


@pytest.fixture(scope="module")
def hurried(served_database):
    with Server(served_database, workers=1, BODY_SECONDS="1") as running:
        yield running


@pytest.fixture
def connection(hurried):
    with socket.create_connection(("127.0.0.1", hurried.port), timeout=10) as connection:
        yield connection


def head(server, length):
    # Known already, so that the quickest way is taken that there is.
    token = server.token("seller", 1)
    requests.get(f"{server.url}/api/me", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    path = "/api/orders/1/status"
    return (
        f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{length}\r\nAccept: */*\r\n\r\n"
    ).encode()


def drip(connection, byte):
    """Send one byte after the other until the server answers; returns everything that it says until it hangs up."""
    connection.setblocking(False)
    said = [b""]

    def answered():
        with suppress(BlockingIOError, ConnectionError):
            connection.send(byte)
        try:
            piece = connection.recv(65536)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        said[0] += piece
        return not piece

    eventually(answered, 20)
    return said[0]


@pytest.mark.parametrize("length", ["Content-Length: 60000", "Transfer-Encoding: chunked"])
def test_a_body_that_comes_too_slowly_is_refused_and_the_connection_ends(hurried, connection, length):
    connection.sendall(head(hurried, length))
    said = drip(connection, b"{" if "Length" in length else b"1\r\n{\r\n")

    assert said.startswith(b"HTTP/1.1 408 ")
    problem = json.loads(said.partition(b"\r\n\r\n")[2])
    assert "request_timeout" == problem["code"]


def test_a_head_that_comes_too_slowly_ends_the_connection(hurried, connection):
    connection.sendall(b"GET /livez HTTP/1.1\r\nX-Slow: ")

    assert b"" == drip(connection, b"x")


def test_a_body_that_takes_its_time_and_arrives_is_served(hurried, connection):
    order = hurried.place_order()
    body = json.dumps({"status": "CONFIRMED"}).encode()
    request = head(hurried, f"Content-Length: {len(body)}").replace(b"orders/1/", b"orders/%d/" % order["id"])
    connection.sendall(request + body[:5])
    hurried.place_order()
    connection.sendall(body[5:])

    assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
