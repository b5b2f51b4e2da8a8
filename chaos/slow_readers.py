"""R11: a thousand consumers that never read, beside some that do."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from pathlib import Path

import gevent
import psutil

from chaos import invariants
from chaos.database import Server
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock
from realtime.log import APPEND_PACKS, APPENDED, TAKE_LOCK

PAGE_BYTES = 4096
EVENT_BYTES = 4096
WRITE = f"""{TAKE_LOCK} WITH packs AS (
    SELECT 1 AS sort, 'seller:1' AS channel, NULL::text AS other, 'order.status_changed 0 0' AS recipe,
        '{{"at":' || to_json(clock_timestamp()) || ',"text":"{"x" * EVENT_BYTES}"}}' AS pieces,
        1 AS events, NULL::bigint AS event_id), {APPEND_PACKS} {APPENDED}"""
DROPPED = '"reason":"slow consumer"'


def never_read(server: Server, report: Report) -> None:
    """R11: consumers whose sockets fill up are dropped; those that read notice nothing."""
    slow, healthy, per_second, seconds = report.either((100, 6, 30, 8), (1000, 20, 10, 40))
    with World(server, report, mail=False, STREAMS_PER_PERSON="5000", LOG_LEVEL="INFO") as world:
        world.listen_to([("seller", 1)] * healthy)
        memory, kernel = _memory(world), _kernel()
        stuck = [_consumer(world, number) for number in range(1, slow + 1)]
        dropped = gevent.spawn(_until_all_dropped, world, slow)
        most = gevent.spawn(_highest, world, dropped)
        _write(world, per_second, seconds)
        report.check("the last of them dropped after", dropped.get(), "s", at_most=15)
        more, held = most.get()
        report.check("more memory in the workers", (more - memory) / 2**20, "MB", at_most=50)
        report.check("more memory in the kernel's TCP", (held - kernel) / 2**20, "MB", at_most=100)
        world.catch_up()
        lags = [one.lag for reader in world.readers for one in reader.heard]
        p99 = 1000 * percentile(lags, 0.99)
        report.check("to those who read p99", p99, "ms", at_most=report.either(1000, 100))
        invariants.check_readers(world)
        for one in stuck:
            one.close()


def _consumer(world: World, number: int) -> socket.socket:
    """A stream with the smallest possible window, of which nothing is read.

    Each belongs to another service: of one principal not every end has a log record, by which they are counted.
    """
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PAGE_BYTES)
    connection.connect(("127.0.0.1", world.service.port))
    token = world.service.token("service", number)
    connection.sendall(f"GET /api/stream?channels=seller:1 HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return connection


def _write(world: World, per_second: float, seconds: float) -> None:
    begun = clock.monotonic()
    with closing(world.database.server.connect(world.database.name)) as connection:
        cursor = connection.cursor()
        for number in range(int(per_second * seconds)):
            cursor.execute(WRITE)
            gevent.sleep(max(0.0, begun + number / per_second - clock.monotonic()))


def _until_all_dropped(world: World, slow: int, limit: float = 60.0) -> float:
    """Seconds until the access log has reported all."""
    begun = clock.monotonic()
    while clock.monotonic() - begun < limit:
        if world.service.log.count(DROPPED) >= slow:
            return clock.monotonic() - begun
        gevent.sleep(0.2)
    return float("inf")


def _highest(world: World, until: gevent.Greenlet[..., float]) -> tuple[int, int]:
    """The most that the workers and the kernel held at any time."""
    memory = kernel = 0
    while not until.dead:
        memory, kernel = max(memory, _memory(world)), max(kernel, _kernel())
        gevent.sleep(0.2)
    return memory, kernel


def _memory(world: World) -> int:
    total = 0
    for pid in world.service.workers():
        with suppress(psutil.NoSuchProcess):
            total += int(psutil.Process(pid).memory_info().rss)
    return total


def _kernel() -> int:
    """Bytes in all TCP buffers of this machine."""
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * PAGE_BYTES
    return 0
