"""A connection to a worker with a certificate: who does not begin with a handshake is not waited for."""

from __future__ import annotations

import socket
import ssl
import subprocess
from contextlib import suppress

import gevent
import gevent.select
import gevent.socket
import gevent.ssl
import pytest
from gevent.server import StreamServer

from server import tls

OPENSSL = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The address of a server, and what became of each of its connections."""
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.2)
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*OPENSSL.split(), *files], cwd=tmp_path, check=True, capture_output=True)
    seen = []

    def default():
        context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
        return context

    server = StreamServer(
        ("127.0.0.1", 0),
        lambda client, _: seen.append(tls.shake_hands(client)),
        ssl_context=tls.context_for(None, default),
    )
    server.start()
    yield server.address, seen
    server.stop()


def closed(client):
    """Whether the server has closed it."""
    with gevent.Timeout(20):
        while not gevent.select.select([client], [], [], 0.05)[0]:
            pass
    return client.recv(1) == b""


def test_who_connects_and_stays_silent_is_not_waited_for(served):
    address, seen = served
    with gevent.socket.create_connection(address) as silent:
        assert closed(silent)
    assert [False] == seen


def test_who_speaks_something_else_is_told_nothing_and_left(served):
    address, seen = served
    with gevent.socket.create_connection(address) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with gevent.Timeout(20), suppress(ConnectionResetError):
            while plain.recv(1000):
                pass
    assert [False] == seen


def test_who_makes_a_handshake_is_served(served):
    address, seen = served
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address) as honest:
        gevent.get_hub().threadpool.apply(lambda: context.wrap_socket(honest).close())
    with gevent.Timeout(20):
        while not seen:
            gevent.sleep(0.01)
    assert [True] == seen
