"""Requests that are refused before a route sees them: not HTTP, too long, never complete, or for another host."""

from __future__ import annotations

import socket

import orjson
import pytest

pytestmark = pytest.mark.journey

ORDERS = b"GET /api/orders HTTP/1.1\r\nHost: onward\r\n"
CLOSE = b"Connection: close\r\n\r\n"


def said(server, raw):
    """All that the server answers to these bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(raw)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "malformed_request"),
        (b"G<script>T / HTTP/1.1\r\n\r\n", 400, "malformed_request"),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 414, "uri_too_long"),
        (ORDERS + b"X-Long: " + b"x" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (ORDERS + b"".join(b"X-%d: 1\r\n" % n for n in range(100)) + b"\r\n", 431, "headers_too_large"),
        (ORDERS + b"Transfer-Encoding: rot13\r\n\r\n", 501, "not_implemented"),
        (b"GET /api/orders HTTP/1.1\r\n" + CLOSE, 400, "malformed_request"),
        (b"GET /api/orders HTTP/1.1\r\nHost: a b\r\n" + CLOSE, 400, "malformed_request"),
        (ORDERS.replace(b"/api", b"http://other.example/api") + CLOSE, 400, "malformed_request"),
        (ORDERS + b"Expect: x\r\n" + CLOSE, 417, "expectation_failed"),
        (ORDERS + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed_request"),
    ],
    ids=[
        *("TLS", "version", "method", "address", "header", "headers", "coding"),
        *("no host", "no host's name", "two hosts", "expectation", "smuggled"),
    ],
)
def test_what_the_server_refuses_is_a_problem(server, raw, status, code):
    head, _, body = said(server, raw).partition(b"\r\n\r\n")

    problem = orjson.loads(body)
    assert (status, code) == (problem["status"], problem["code"])
    assert b"HTTP/1.1 %d " % status == head[:13]
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert b"\r\nX-Request-ID: " + problem["request_id"].encode() in head
    assert b"script" not in body


def test_headers_that_never_end_are_cut(server):
    """The connection is closed without an answer: nobody knows yet what was asked."""
    assert b"" == said(server, ORDERS + b"X-Slow: ")
