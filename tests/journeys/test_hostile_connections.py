"""Clients that open too many connections, or read nothing of the responses."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import ExitStack, suppress

import orjson
import psutil
import pytest
import requests

from tests.facts import eventually
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.timeout(90)]

MALLORY = "127.0.0.66"
"""An address of her own: proxies on this machine are 127.0.0.1, and are not counted."""

PER_CLIENT, IN_ALL = 5, 20
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: onward\r\n\r\n"


@pytest.fixture(scope="module")
def narrow(served_database):
    """One process with room for few, which keeps idle connections for long."""
    limits = {"CONNECTIONS_PER_CLIENT": str(PER_CLIENT), "CONNECTION_LIMIT": str(IN_ALL)}
    with Server(served_database, workers=1, KEEPALIVE_SECONDS="75", **limits) as running:
        yield running


def dial(server, address="127.0.0.1", window=0):
    client = socket.socket()
    if window:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.settimeout(20)
    client.bind((address, 0))
    client.connect(("127.0.0.1", server.port))
    return client


def served(client):
    client.sendall(LIVEZ)
    return client.recv(65536).startswith(b"HTTP/1.1 200 ")


def said(client):
    """All that the server says until it closes the connection."""
    answer = b""
    with suppress(ConnectionError):
        while piece := client.recv(65536):
            answer += piece
    return answer


def refused(client):
    head, _, body = said(client).partition(b"\r\n\r\n")
    return b"HTTP/1.1 503 " in head and orjson.loads(body)["code"] == "too_many_connections" and head


def test_a_client_has_so_many_connections_and_others_do_not_notice(narrow):
    with ExitStack() as held:
        for _ in range(PER_CLIENT):
            assert served(held.enter_context(dial(narrow, MALLORY)))
        head = refused(held.enter_context(dial(narrow, MALLORY)))
        assert b"\r\nConnection: close\r\n" in head
        assert b"\r\nRetry-After: 1\r\n" in head
        assert b"\r\nContent-Type: application/problem+json\r\n" in head
        assert served(held.enter_context(dial(narrow, "127.0.0.67")))
        assert served(held.enter_context(dial(narrow)))
    with eventually(lambda: admitted(narrow)) as client:
        assert client


def admitted(server):
    client = dial(server, MALLORY)
    return client if served(client) else None


def test_all_together_have_so_many(narrow):
    with ExitStack() as held:
        eventually(lambda: not connections(narrow))
        for _ in range(IN_ALL):
            assert served(held.enter_context(dial(narrow)))
        assert refused(held.enter_context(dial(narrow)))
    eventually(lambda: requests.get(f"{narrow.url}/livez", timeout=10).status_code == 200)


def connections(server):
    """Those that the workers have open."""
    (worker,) = server.workers()
    mine = psutil.Process(worker).net_connections("tcp")
    return [one for one in mine if one.status == "ESTABLISHED" and one.laddr.port == server.port]


def test_a_stop_waits_neither_for_who_takes_nothing_nor_for_who_says_nothing(narrow):
    """It took 18 s instead of 2, and ended by force."""
    eventually(lambda: not connections(narrow))
    (worker,) = narrow.workers()
    with ExitStack() as held:
        for number in range(IN_ALL - 2):
            client = held.enter_context(dial(narrow, window=4096))
            client.sendall(LIVEZ.replace(b"/livez", b"/openapi.json") * 60 if number % 2 else LIVEZ)
        eventually(lambda: len(connections(narrow)) == IN_ALL - 2)
        os.kill(narrow.pid, signal.SIGHUP)
        eventually(lambda: not psutil.pid_exists(worker), 40)

    assert "graceful timeout" not in narrow.log
    eventually(lambda: requests.get(f"{narrow.url}/readyz", timeout=10).status_code == 200, 40)
