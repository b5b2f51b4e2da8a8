"""S9: thousands of clients that send a head or a body byte by byte, or nothing at all, beside honest ones."""

from __future__ import annotations

import socket
from contextlib import suppress
from itertools import count
from typing import Literal

import gevent
import psutil

from chaos.database import Server
from chaos.invariants import check_answers
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock

Way = Literal["head", "body", "nothing"]
WAYS: tuple[Way, ...] = ("head", "body", "nothing")
PAUSE_SECONDS = 0.9
LIMIT_SECONDS = 40.0


def slow_clients(server: Server, report: Report) -> None:
    """S9: 1,000 of each kind; all are disconnected within 10 s, and others are served as usual."""
    each, rate, changes = report.either((40, 30, 240), (1000, 60, 1500))
    with World(server, report, mail=False) as world:
        memory = _memory(world)
        load = world.load(changes, rate)
        load.start(clients=6)
        token = world.service.token("seller", 1)
        attackers = {way: [gevent.spawn(_attack, world, token, way, number) for number in range(each)] for way in WAYS}
        most = memory
        while any(not one.dead for group in attackers.values() for one in group):
            most = max(most, _memory(world))
            gevent.sleep(0.3)
        for way, group in attackers.items():
            lasted = [one.get() for one in group]
            report.check(f"{each} who drip {way}: cut after, at most", max(lasted), "s", at_most=10)
        meanwhile = [one.seconds for one in load.acknowledged]
        load.wait()
        p99 = 1000 * percentile(meanwhile, 0.99)
        report.check("PATCH p99 of the others meanwhile", p99, "ms", at_most=report.either(2000, 250))
        report.check("more memory in the workers", (most - memory) / 2**20, "MB", at_most=100)
        check_answers(report, load)


def _attack(world: World, token: str, way: Way, number: int) -> float:
    """Seconds until the server closes the connection."""
    gevent.sleep(number % 50 / 50)
    begun = clock.monotonic()
    with suppress(OSError), socket.create_connection(("127.0.0.1", world.service.port), LIMIT_SECONDS) as connection:
        connection.sendall(_beginning(token, way))
        listener = gevent.spawn(_listen, connection)
        for _ in count():
            if listener.dead or clock.monotonic() - begun > LIMIT_SECONDS:
                break
            if way != "nothing":
                connection.sendall(b"x")
            listener.join(PAUSE_SECONDS)
    return clock.monotonic() - begun


def _beginning(token: str, way: Way) -> bytes:
    if way == "nothing":
        return b""
    head = f"PATCH /api/orders/1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    return (head + ("X-Slow: " if way == "head" else "Content-Length: 1000\r\n\r\n{")).encode()


def _listen(connection: socket.socket) -> None:
    """Return when the server has closed the connection."""
    with suppress(OSError):
        while connection.recv(4096):
            pass


def _memory(world: World) -> int:
    return sum(int(psutil.Process(pid).memory_info().rss) for pid in world.service.workers())
