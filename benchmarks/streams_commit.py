"""The latency from a change's commit to the arrival of its frame, through everything in between."""

from __future__ import annotations

import http.client
import itertools
import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from access.tokens import Tokens
from benchmarks.client import STRIDE
from benchmarks.contender import LIFE, BenchmarkError, gunicorn
from benchmarks.database import PROJECT, SELLERS, Database, Server
from benchmarks.machine import NOISY_SHARE, Meter
from benchmarks.slices import Pace
from benchmarks.streams_client import StreamsClient
from benchmarks.streams_servers import Ours, Stream
from foundation import clock
from foundation.settings import Settings

PATCHES_PER_SECOND = 300
CLIENTS = 16
BUYERS = 60
ANSWER_SECONDS = 30


class Whole(Ours):
    """The service as it is, with two workers on both cores."""

    core = "0,1"

    def command(self) -> tuple[list[str], Path, dict[str, str]]:
        self.env = self._database.environment(PORT=str(self.port), WEB_CONCURRENCY="2")
        return gunicorn("wsgi"), PROJECT, self.env

    def streams(self, count: int, channels: int) -> Iterator[Stream]:  # noqa: ARG002
        """Two of each seller, and one of each of the first buyers."""
        tokens = Tokens.of(Settings.from_env(self.env))
        people = [("seller", 1 + number % SELLERS) for number in range(2 * SELLERS)]
        people += [("buyer", 1 + number) for number in range(BUYERS)]
        for role, id in people:
            token = tokens.issue("seller" if role == "seller" else "buyer", id)
            yield 0, "/api/stream", f"Authorization: Bearer {token}"


@dataclass(frozen=True)
class Delay:
    """Milliseconds from the database's time of a change until its frame was read."""

    p50: float
    p99: float
    frames: int
    noisy: bool


def delays(program: Path, postgres: Server, database: Database, folder: Path, pace: Pace) -> list[Delay]:
    """Some slices, in each of which orders are changed at a fixed rate while all streams are read."""
    found = []
    with ExitStack() as stack:
        server = Whole(database, folder)
        stack.callback(server.stop)
        server.start()
        client = StreamsClient(program, server.port, Whole.core)
        stack.callback(client.stop)
        client.open(list(server.streams(0, 0)))
        for _ in range(pace.slices):
            database.put_back()
            meter = Meter.begin(server.pids, postgres.pids)
            seconds = pace.warmup + pace.seconds
            changing = threading.Thread(target=_change, args=(server, database, seconds))
            client.tell(f"watch {pace.warmup} {pace.seconds}")
            changing.start()
            seen = client.answer()
            changing.join()
            if seen["ended"] or not seen["measured"]:
                raise BenchmarkError(f"The streams saw {seen}. {client.errors}")
            noisy = meter.until_now().foreign > NOISY_SHARE
            found.append(Delay(seen["p50_ms"], seen["p99_ms"], seen["measured"], noisy))
    return found


def _change(server: Whole, database: Database, seconds: float) -> None:
    """Change orders at the fixed rate, however long the responses take; several threads share the schedule."""
    tokens = Tokens.of(Settings.from_env(server.env))
    bearer = [f"Bearer {tokens.issue('seller', 1 + number)}" for number in range(SELLERS)]
    numbers, began = itertools.count(), clock.monotonic()
    orders = database.orders

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS)
        while (due := (number := next(numbers)) / PATCHES_PER_SECOND) < seconds:
            time.sleep(max(0.0, began + due - clock.monotonic()))
            order = 1 + number * STRIDE % orders
            body = json.dumps({"status": LIFE[number // orders]})
            headers = {"Authorization": bearer[order % SELLERS], "Content-Type": "application/json"}
            connection.request("PATCH", f"/api/orders/{order}/status", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise BenchmarkError(f"A change was answered with {answer.status}: {text[:500]!r}")
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def median(found: list[Delay]) -> tuple[float, float]:
    """The medians of the medians and of the p99s."""
    return statistics.median(one.p50 for one in found), statistics.median(one.p99 for one in found)
