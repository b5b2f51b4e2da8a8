"""A load client as its own process: raw keep-alive connections that take orders along their path.

A closed loop: each connection sends its next request when it has the response to the last. It reads a plan (JSON) from
standard input and prints its results. Anything but a 200 with the requested status ends it with an error. Only the
standard library is imported, so that it starts fast and costs little. Each request is sent in one piece, or its head
and body apart, as most clients do.
"""

from __future__ import annotations

import gc
import json
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

STRIDE = 7919
"""Orders are visited in steps of this prime, so that neighbours in time are not neighbours on disk."""

HEAD = (
    b"PATCH /api/orders/%d/status HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)

RECEIVE_BYTES = 65_536
ANSWER_SECONDS = 60
"""Far above the slowest answer; a server that takes longer hangs."""


class Failed(Exception):
    """The server did not do what was requested."""


class Connection:
    """One connection and the request it waits for."""

    def __init__(self, plan: dict[str, Any], number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", plan["port"]), timeout=ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = 0.0
        self._changes = changes_of(plan, number)
        self._segments = plan.get("segments", 1)
        self._wanted = b""
        self._received = b""

    def send(self) -> None:
        """Request the next change."""
        order, token, body, self._wanted = next(self._changes)
        head = HEAD % (order, token, len(body))
        self.sent = time.monotonic()
        if self._segments == 1:
            self.socket.sendall(head + body)
        else:
            self.socket.sendall(head)
            self.socket.sendall(body)

    def receive(self) -> bool:
        """Read what is available; True when the response is complete and correct."""
        piece = self.socket.recv(RECEIVE_BYTES)
        if not piece:
            raise Failed("The server closed the connection.")
        answer = self._received + piece
        end = answer.find(b"\r\n\r\n")
        if end < 0 or len(answer) < end + 4 + _content_length(answer[:end]):
            self._received = answer
            return False
        self._received = b""
        if not answer.startswith(b"HTTP/1.1 200 ") or self._wanted not in answer:
            raise Failed(answer.decode(errors="replace")[:2000])
        return True


def _content_length(head: bytes) -> int:
    _, name, rest = head.lower().partition(b"\r\ncontent-length:")
    if not name:
        raise Failed(f"An answer without a length: {head!r}")
    return int(rest.partition(b"\r\n")[0])


def changes_of(plan: dict[str, Any], number: int) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """The changes of one connection, which has orders of its own: order, token, body, what it is to be told."""
    tokens, count, connections = plan["tokens"], plan["orders"], plan["connections"]
    for status in (one.encode() for one in plan["life"]):
        body = b'{"status":"%s"}' % status
        wanted = b'"status":"%s"' % status
        for place in range(number, count, connections):
            order = 1 + (plan["first"] + place) * STRIDE % count
            yield order, tokens[order % len(tokens)].encode(), body, wanted
    raise Failed(f"All {count} orders have come to the end of their life: seed more, or measure for less time.")


def drive(plan: dict[str, Any]) -> dict[str, Any]:
    """Send for `warmup` and then `seconds` seconds; requests started in the second part are counted."""
    connections = {one.socket.fileno(): one for one in (Connection(plan, n) for n in range(plan["connections"]))}
    poll = select.poll()
    for fileno in connections:
        poll.register(fileno, select.POLLIN)
    began, idle = time.monotonic(), time.process_time()
    count_from, deadline = began + plan["warmup"], began + plan["warmup"] + plan["seconds"]
    for connection in connections.values():
        connection.send()
    answers, active, now = [], len(connections), began
    while active:
        for fileno in _ready(poll):
            connection = connections[fileno]
            if not connection.receive():
                continue
            now = time.monotonic()
            answers.append((connection.sent, now - connection.sent))
            if now < deadline:
                connection.send()
            else:
                active -= 1
    return summary(answers, began, count_from, now, (time.process_time() - idle) / (now - began))


def summary(
    answers: list[tuple[float, float]], began: float, count_from: float, ended: float, busy: float
) -> dict[str, Any]:
    """The results: `answers` are the moment and the duration of each request, `busy` the client's share of a core."""
    counted = [one for one in answers if one[0] >= count_from]
    if not counted:
        raise Failed("Nothing was answered in the time that counts: measure for more seconds.")
    latencies = sorted(latency for _, latency in counted)
    return {
        "began": began,
        "ended": ended,
        "committed": len(answers),
        "rate": len(counted) / (ended - min(sent for sent, _ in counted)),
        "p50": percentile(latencies, 0.50),
        "p99": percentile(latencies, 0.99),
        "busy": busy,
    }


def _ready(poll: select.poll) -> list[int]:
    ready = poll.poll(ANSWER_SECONDS * 1000)
    if not ready:
        raise Failed(f"No answer within {ANSWER_SECONDS} s.")
    return [fileno for fileno, _ in ready]


def percentile(ordered: list[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main(drive: Callable[[dict[str, Any]], dict[str, Any]] = drive) -> int:
    gc.disable()
    try:
        print(json.dumps(drive(json.load(sys.stdin))))
    except (Failed, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
