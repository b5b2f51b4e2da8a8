"""Imports over real connections: bodies that arrive in pieces, end early, or are not meant well."""

from __future__ import annotations

import contextlib
import itertools
import socket

import orjson
import pytest

from tests.cast import new_order
from tests.facts import eventually

pytestmark = [pytest.mark.journey, pytest.mark.timeout(60)]

BATCH = 500
_numbers = itertools.count()

CLOSED = {"status": "COMPLETED", "created_at": "2026-01-01T00:00:00Z"}
"""A board shows 50 open orders of a status: these would push out those of other tests."""


def lines(count):
    """Orders that were never imported before."""
    return b"".join(
        orjson.dumps(new_order(77, 77) | CLOSED | {"external_id": f"journey-{next(_numbers)}"}) + b"\n"
        for _ in range(count)
    )


@contextlib.contextmanager
def importing(server, field=b"Transfer-Encoding: chunked"):
    """A connection on which an import has begun."""
    token = server.token("service", 1).encode()
    head = b"POST /api/orders/import HTTP/1.1\r\nHost: onward\r\nAuthorization: Bearer %b\r\n" % token
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(head + b"Content-Type: application/x-ndjson\r\nConnection: close\r\n%b\r\n\r\n" % field)
        yield client


def chunk(content):
    return b"%x\r\n%b\r\n" % (len(content), content)


def answer(client, until=None):
    """What the server says until the connection ends, or until it has said this."""
    said = b""
    while (until is None or until not in said) and (piece := client.recv(65536)):
        said += piece
    return said


def results(said):
    """The lines of a chunked response."""
    head, _, rest = said.partition(b"\r\n\r\n")
    assert b"200 OK" in head, said[:500]
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return [orjson.loads(line) for line in body.splitlines()]


def test_results_come_while_the_body_is_still_sent(server):
    with importing(server) as client:
        client.sendall(chunk(lines(BATCH + 200)))
        early = answer(client, until=b'"result":"created"')
        client.sendall(chunk(lines(1)) + chunk(b""))
        whole = results(early + answer(client))

    assert {"lines": BATCH + 201, "created": BATCH + 201, "exists": 0, "conflict": 0, "refused": 0} == whole[-1]
    assert [*range(1, BATCH + 202)] == [one["line"] for one in whole[:-1]]


def test_a_body_that_ends_early_leaves_what_was_answered(server):
    body = lines(BATCH + 200)
    with importing(server, b"Content-Length: %d" % (2 * len(body))) as client:
        client.sendall(body)
        client.shutdown(socket.SHUT_WR)
        *created, summary = results(answer(client))

    assert (BATCH, BATCH, "malformed_request") == (
        len(created),
        summary["created"],
        summary["problem"]["code"],
    )
    assert [(BATCH,)] == server.sql(
        f"SELECT count(*) FROM orders WHERE id = ANY('{{{','.join(str(one['id']) for one in created)}}}')"
    )


def test_a_line_without_an_end_is_not_kept(server):
    with importing(server) as client:
        client.sendall(chunk(lines(1)))
        for _ in range(24):
            client.sendall(chunk(b"x" * 131_072))
        client.sendall(chunk(b"\n" + lines(1)) + chunk(b""))
        whole = results(answer(client))

    assert ["created", "refused", "created"] == [one["result"] for one in whole[:-1]]
    assert "body_too_large" == whole[1]["problem"]["code"]


def test_a_process_imports_two_bodies_at_once_and_no_more(server):
    """Five for two processes: at least one is too many, and each that has left makes room."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(importing(server)) for _ in range(5)]
        for client in clients:
            client.setblocking(False)
        refused = []

        def is_refused():
            for client in clients:
                with contextlib.suppress(BlockingIOError):
                    refused.append(client.recv(65536))
            return any(b"too_many_imports" in said for said in refused)

        eventually(is_refused)
        assert all(said.startswith(b"HTTP/1.1 503 ") for said in refused)

    def is_free():
        with importing(server) as client:
            client.sendall(chunk(lines(1)) + chunk(b""))
            return b'"created"' in answer(client)

    eventually(is_free)
