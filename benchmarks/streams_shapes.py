"""The rate and the delay of deliveries: all servers with the same streams open, in short turns."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contender import BenchmarkError
from benchmarks.machine import NOISY_SHARE, Meter
from benchmarks.slices import Pace
from benchmarks.streams_client import StreamsClient
from benchmarks.streams_servers import StreamServer


@dataclass(frozen=True)
class Shape:
    """How many streams listen to how many channels."""

    name: str
    streams: int
    channels: int
    window: int
    """Events in flight when the maximum rate is measured."""


FAN_OUT = Shape("1,000 streams on 1 channel", 1000, 1, 4)
PAIRS = Shape("5,000 streams on 2,500 channels", 5000, 2500, 128)


@dataclass(frozen=True)
class Turn:
    """What one server did in one slice."""

    server: str
    rate: float
    """Deliveries a second."""

    p50: float
    p99: float
    used: float
    """The server's share of one core, without its Redis."""

    client: float
    foreign: float

    @property
    def noisy(self) -> bool:
        return self.foreign > NOISY_SHARE


class Turns:
    """All turns of one interleaved measurement."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = turns

    def of(self, server: str) -> list[Turn]:
        return [one for one in self.turns if one.server == server]

    def median(self, server: str, value: Callable[[Turn], float]) -> float:
        return statistics.median(map(value, self.of(server)))

    def ratio(self, one: str, other: str) -> float:
        """The median of the ratios of deliveries inside each round."""
        pairs = zip(self.of(one), self.of(other), strict=True)
        return statistics.median(a.rate / b.rate for a, b in pairs)

    @property
    def servers(self) -> list[str]:
        return list(dict.fromkeys(one.server for one in self.turns))


@contextmanager
def listening(
    program: Path, servers: Sequence[StreamServer], shape: Shape
) -> Iterator[list[tuple[StreamServer, StreamsClient]]]:
    """All servers at once, each with all streams of the shape open and verified."""
    with ExitStack() as stack:
        pairs = []
        for server in servers:
            stack.callback(server.stop)
            server.start()
            client = StreamsClient(program, server.port)
            stack.callback(client.stop)
            client.open(list(server.streams(shape.streams, shape.channels)), server.blind)
            client.ask(server.publishes)
            if deaf := client.prime():
                raise BenchmarkError(f"{server.name}: {deaf} of {shape.streams} streams hear nothing. {client.errors}")
            pairs.append((server, client))
        yield pairs


def measure(
    pairs: Sequence[tuple[StreamServer, StreamsClient]], shape: Shape, pace: Pace, deliveries: float = 0
) -> Turns:
    """All servers in turn, each round starting with another: as fast as possible, or at this rate of deliveries."""
    turns = []
    rate = deliveries * shape.channels / shape.streams
    for round_ in range(pace.slices):
        first = round_ % len(pairs)
        for server, client in (*pairs[first:], *pairs[:first]):
            meter = Meter.begin(server.pids, [])
            seen = client.ask(f"run {rate} {shape.window} {pace.warmup} {pace.seconds}")
            usage = meter.until_now()
            _judge(server, shape, seen, client.errors)
            turns.append(
                Turn(
                    server.name,
                    seen["rate"],
                    seen["p50_ms"],
                    seen["p99_ms"],
                    usage.server / usage.seconds,
                    seen["busy"],
                    usage.foreign,
                )
            )
            _tell(round_, pace, shape, turns[-1])
    return Turns(turns)


def _judge(server: StreamServer, shape: Shape, seen: dict[str, Any], errors: str) -> None:
    """Raises BenchmarkError if something was lost."""
    for wrong in ("ended", "missing", "refusals", *(("gaps", "repeated") if server.ordered else ())):
        if seen[wrong]:
            raise BenchmarkError(f"{server.name}, {shape.name}: {wrong}: {seen[wrong]} {errors}")


def _tell(round_: int, pace: Pace, shape: Shape, one: Turn) -> None:
    print(
        f"  slice {round_ + 1}/{pace.slices}  {shape.name}  {one.server:<24} {one.rate:9,.0f}/s  p50 {one.p50:7.2f} ms"
        f"  p99 {one.p99:7.2f} ms  server {one.used:4.0%}  client {one.client:4.0%}  others {one.foreign:4.0%}",
        file=sys.stderr,
        flush=True,
    )
