"""The cost of a stream apart from its events: to open, to hold, and to close."""

from __future__ import annotations

import os
import signal
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.contender import BenchmarkError
from benchmarks.streams_client import StreamsClient
from benchmarks.streams_servers import StreamServer
from foundation import clock

GONE_SECONDS = 20


@dataclass(frozen=True)
class Life:
    """The results of one server; infinity for what was not measured."""

    opened: float
    """New streams a second, 256 at a time."""

    kept: float
    """Bytes of resident memory for each idle stream."""

    told: float = float("inf")
    """Seconds from SIGTERM until the last stream had its `bye`."""

    gone: float = float("inf")
    """Seconds from SIGTERM until the last process had ended."""


def live(program: Path, server: StreamServer, streams: int, ends: bool) -> Life:
    """Start a server, open this many streams in pairs, measure its memory, and stop it while they are open."""
    with ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        # What is loaded with the first stream is not counted as the stream's.
        _open(program, server, 20).stop()
        before = server.memory()
        client = _open(program, server, streams)
        stack.callback(client.stop)
        kept = (server.memory() - before) / streams
        if not ends:
            return Life(client.opened, kept)
        return Life(client.opened, kept, *_end(server, client))


def _open(program: Path, server: StreamServer, streams: int) -> OpenStreams:
    client = OpenStreams(program, server.port)
    client.opened = client.open(list(server.streams(streams, max(1, streams // 2))), server.blind)
    return client


class OpenStreams(StreamsClient):
    """Streams, and how fast they were opened."""

    opened = 0.0


def _end(server: StreamServer, client: StreamsClient) -> tuple[float, float]:
    """Seconds from SIGTERM until all streams had their `bye`, and until all processes had ended."""
    processes = [one for pid in server.pids for one in (psutil.Process(pid), *psutil.Process(pid).children())]
    client.tell(f"part {GONE_SECONDS}")
    at = clock.monotonic()
    os.kill(server.pids[0], signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, GONE_SECONDS)
    gone = clock.monotonic() - at
    seen = client.answer()
    if alive or seen["told"] != seen["ended"]:
        raise BenchmarkError(f"{len(alive)} processes outlived SIGTERM, and of the streams {seen} were told.")
    return seen["last_told"] - at, gone


def rounds(program: Path, servers: Sequence[tuple[StreamServer, bool]], streams: int, count: int) -> dict[str, Life]:
    """The medians of some rounds; True with a server that says `bye`."""
    lives: dict[str, list[Life]] = {server.name: [] for server, _ in servers}
    for number in range(count):
        for server, ends in servers:
            one = live(program, server, streams, ends)
            lives[server.name].append(one)
            print(
                f"  round {number + 1}/{count}  {streams:,} streams  {server.name}: {one}", file=sys.stderr, flush=True
            )
    return {name: _median(found) for name, found in lives.items()}


def _median(lives: Sequence[Life]) -> Life:
    def of(value: Callable[[Life], float]) -> float:
        return statistics.median(map(value, lives))

    return Life(
        of(lambda one: one.opened), of(lambda one: one.kept), of(lambda one: one.told), of(lambda one: one.gone)
    )
