"""Headers that are sent twice, at every operation and whoever reads the request."""

from __future__ import annotations

import pytest

from foundation import openapi
from server.repeated_fields import SINGLE
from tests.journeys.test_plain_requests import LEFT_TO_GUNICORN, Line

pytestmark = pytest.mark.journey

OPERATIONS = [(method.upper(), path) for path, method, _ in openapi.operations(openapi.committed())]


@pytest.fixture(scope="module")
def token(server):
    return server.cast().bob.token


def ask(line, method, path, fields):
    line.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
    return line.receive()


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_a_header_that_has_one_value_is_sent_once(server, token, name):
    """Two idempotency keys were a third one."""
    with Line(server) as line:
        for method, path in OPERATIONS:
            head, body = ask(line, method, path.replace("{order_id}", "1"), f"{name}: a\r\n{name.title()}: a\r\n")
            assert (b"400", True) == (head[9:12], f"{name.title()} must not be repeated".encode() in body)


@pytest.mark.parametrize("more", ["", LEFT_TO_GUNICORN], ids=["plain", "left to gunicorn"])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Idempotency-Key: a\r\nIdempotency-Key: b\r\n", b"400"),
        ("Content-Type: application/json\r\n", b"400"),
        ('If-Match: "1"\r\nIf-Match: "2"\r\n', b"422"),
        ('If-None-Match: "1"\r\n', b"422"),
        ("If-Match: \r\n", b"422"),
        ("Idempotency-Key: \r\n", b"422"),
        ("Content-Encoding: gzip\r\n", b"415"),
        ("Content-Range: bytes 0-1/7\r\n", b"400"),
        ("Host: y\r\n", b"400"),
        ("Prefer: wait=0\r\nPrefer: no-such-preference\r\n", b"200"),
    ],
)
def test_a_change_is_refused_whoever_reads_it(server, fields, status, more):
    cast = server.cast()
    order = cast.place()["id"]
    with Line(server) as line:
        head, _ = line.send(cast.bob.token, order, "CONFIRMED", fields + more)

    assert status == head[9:12]
    assert (2 if status == b"200" else 1) == cast.bob.order(order)["version"]
