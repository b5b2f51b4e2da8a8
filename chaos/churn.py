"""R20, R21: streams that come and go, and clients that reconnect with all kinds of cursors."""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import gevent
import psutil
from gevent.pool import Pool

from chaos.database import Database, Server
from chaos.report import Report
from chaos.wire import Frame, frames
from chaos.world import World
from foundation import clock
from foundation.connections import PreparedPool
from foundation.metric_files import FLUSH_SECONDS
from realtime.log import EventLog
from realtime.sse import CURSOR

RESET = struct.pack("ii", 1, 0)
HELLO_SECONDS = 10.0
AT_ONCE = 32
MORE_FILES = 4
"""Connections to the database that were opened meanwhile, and stay."""

MISSED = "SELECT seq FROM live_events WHERE channel = %s AND seq > %s AND seq <= %s ORDER BY seq"
NEWEST = "SELECT channel, seq FROM live_events WHERE channel LIKE 'seller:%%' ORDER BY seq DESC LIMIT 1"
MIDDLE = "SELECT seq FROM realtime_packs ORDER BY seq OFFSET (SELECT count(*) / 2 FROM realtime_packs) LIMIT 1"
"""Where a pack ends: a log is pruned by rows."""

AGE = "UPDATE realtime_packs SET created_at = created_at - interval '48 h' WHERE seq <= %s"


def come_and_go(server: Server, report: Report) -> None:
    """R20: 100,000 streams are opened and closed, every other one by a reset; nothing of them remains."""
    count = report.either(600, 100_000)
    with World(server, report, mail=False, STREAMS_PER_PERSON="1000") as world:
        tokens = [world.service.token("seller", 1 + number) for number in range(50)]
        pool = Pool(AT_ONCE)
        _visit_all(pool, world, tokens, count // 10)  # what is allocated once for all is not counted
        gevent.sleep(2 * FLUSH_SECONDS)  # nor are the files of metrics, opened when their first values are written
        before = _usage(world)
        begun = clock.monotonic()
        greeted = _visit_all(pool, world, tokens, count)
        report.tell("streams opened and closed", count)
        report.tell("in", clock.monotonic() - begun, "s")
        report.check("of which were not greeted", count - greeted, at_most=0)
        ends = clock.monotonic() + 20
        while clock.monotonic() < ends and _usage(world)[1] > before[1] + MORE_FILES:
            gevent.sleep(0.2)
        memory, files = _usage(world)
        report.check("more memory in the workers", (memory - before[0]) / 2**20, "MB", at_most=10)
        report.check("more open files in the workers", files - before[1], at_most=MORE_FILES)


def _visit_all(pool: Pool, world: World, tokens: list[str], count: int) -> int:
    gc.collect()
    visits = [pool.spawn(_visit, world, tokens[number % len(tokens)], number) for number in range(count)]
    return sum(bool(one.get()) for one in visits)


def _visit(world: World, token: str, number: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", world.service.port), HELLO_SECONDS) as connection:
        connection.sendall(f"GET /api/stream HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        said = b""
        while b"event: hello" not in said and (piece := connection.recv(4096)):
            said += piece
        if number % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return b"event: hello" in said
    return False


def _usage(world: World) -> tuple[int, int]:
    """Memory and open files of all workers."""
    workers = [psutil.Process(pid) for pid in world.service.workers()]
    return sum(int(one.memory_info().rss) for one in workers), sum(one.num_fds() for one in workers)


def strange_cursors(server: Server, report: Report) -> None:
    """R21: cursors that expired, were forged, lie in the future or belong to another log; mixed with valid ones."""
    cases, changes = report.either((60, 60), (500, 600))
    with World(server, report, mail=False) as world:
        load = world.load(changes)
        load.start(clients=8)
        load.wait()
        world.drain()
        seqs = [seq for (seq,) in world.database.sql("SELECT seq FROM live_events ORDER BY seq")]
        middle = world.database.number(MIDDLE)
        # A client that received less has missed something, wherever a valid cursor is.
        ((channel, newest),) = world.database.sql(NEWEST)
        _forget_until(world.database, middle)
        # A restart: what a process still has in memory may be replayed.
        for pid in world.service.workers():
            os.kill(pid, signal.SIGKILL)
        world.service.wait_until_ready()
        epoch = world.database.number("SELECT epoch FROM realtime_log")
        answers: Counter[str] = Counter()
        pool = Pool(AT_ONCE)
        asked = [
            (kind, pool.spawn(_answer_to, world, channel, cursor))
            for kind, cursor in _cursors(report, epoch, seqs, range(middle, newest), cases)
        ]
        for kind, visit in asked:
            answers[f"{kind}: {visit.get()}"] += 1
        for answer, times in sorted(answers.items()):
            report.tell(answer, times)
        told = {"expired: expired", "forged: unknown", "future: ahead of head", "foreign: epoch", "good: replayed"}
        wrong = sum(times for answer, times in answers.items() if answer not in told)
        report.check("cursors with the wrong answer", wrong, at_most=0)
        report.check("kinds of cursors", len(answers), at_least=len(told))


def _forget_until(database: Database, seq: int) -> None:
    """Let the service's own pruning delete everything up to and including this number."""
    database.sql(AGE, seq)
    pool = PreparedPool(database.url, 1, "chaos")
    log = EventLog(pool)
    while log.prune(24):
        pass
    pool.close()


def _cursors(report: Report, epoch: int, seqs: list[int], kept: range, cases: int) -> Iterator[tuple[str, str]]:
    rng = report.rng
    forged = ("0", "-1", ".", "1.", ".1", "1.1.1", "1e3", "null", "' OR 1=1", "9" * 60)
    for number in range(cases):
        match number % 5:
            case 0:
                yield "expired", f"{epoch}.{rng.randrange(kept.start)}"
            case 1:
                yield "forged", forged[number // 5 % len(forged)]
            case 2:
                yield "future", f"{epoch}.{seqs[-1] + rng.randint(1, 10**9)}"
            case 3:
                yield "foreign", f"{epoch + rng.randint(1, 10**6)}.{rng.choice(seqs)}"
            case _:
                yield "good", f"{epoch}.{rng.choice(kept)}"


def _answer_to(world: World, channel: str, cursor: str) -> str:
    """The reason of the stream's resync, or `replayed` if it sent exactly what was missed."""
    ends = clock.monotonic() + HELLO_SECONDS
    while clock.monotonic() < ends:
        stream = frames(world.service, "seller", int(channel.partition(":")[2]), cursor, HELLO_SECONDS)
        hello = next(stream, None)
        if hello is not None and hello.type == "hello":
            return _after_hello(world, channel, cursor, hello, stream)
        gevent.sleep(0.2)  # `bye`: reconnect
    return "refused"


def _after_hello(world: World, channel: str, cursor: str, hello: Frame, stream: Iterator[Frame]) -> str:
    head = int(hello.data["head"].rpartition(".")[2])
    seen = int(cursor.rpartition(".")[2]) if CURSOR.fullmatch(cursor) else head
    wanted = [seq for (seq,) in world.database.sql(MISSED, channel, seen, head)]
    got: list[int] = []
    # A resync is sent in the same write as the greeting, so it is read next.
    while len(got) < max(1, len(wanted)) and (frame := next(stream, None)):
        if frame.type == "resync":
            return str(frame.data["reason"])
        if frame.id:
            got.append(int(frame.id.rpartition(".")[2]))
        elif not wanted:
            break
    return "replayed" if wanted and got == wanted else "nothing"
