"""The live streams beside nchan, flask-sse and sse-starlette, and the cost of one from its opening to its end."""

from __future__ import annotations

import resource
import statistics
import tempfile
from pathlib import Path

from benchmarks.database import Server
from benchmarks.peers_environment import python_of_the_peers
from benchmarks.picture import Bars, Group
from benchmarks.redis_server import Redis
from benchmarks.report import Report, figure, load_average, markdown
from benchmarks.slices import Pace
from benchmarks.streams_client import build
from benchmarks.streams_commit import PATCHES_PER_SECOND, delays, median
from benchmarks.streams_life import Life, rounds
from benchmarks.streams_servers import FlaskSse, Nchan, OfLinks, Ours, Starlette, StreamServer
from benchmarks.streams_shapes import FAN_OUT, PAIRS, Shape, Turns, listening, measure

STEADY = 20_000
"""The rate of deliveries at which the delays are compared."""

ENDED, KEPT = 5_000, 10_000
BY_LINK = "Onward, by tracking links"
ONE_BY_ONE, LOGGED = "Onward, each event by itself", "Onward, a log record for each stream"
HEAD = ("", "deliveries/s", "Onward ÷", "p50 ms", "p99 ms", "server", "client", "noisy")
LEGEND = (
    "`deliveries/s`: events written to all subscribers, read and counted by the client, as fast as the server can. "
    "`p50`, `p99`: from the publisher's hand to the reader's. `server`, `client`: shares of one core. `noisy`: slices "
    "in which other programs had more than a tenth of the machine. Medians over the slices; a ratio is the median of "
    "the ratios inside each round."
)


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure the shapes, the delay at a steady rate, the latency from the commit, and the life of a stream."""
    _raise_descriptors()
    quick = pace.seconds < 1.5
    database = server.create("streams", orders)
    before = load_average()
    with tempfile.TemporaryDirectory(prefix="onward-streams-") as name, Redis() as redis:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker is nobody
        program = build(folder)
        ours, nchan, python = Ours(database, folder), Nchan(folder), python_of_the_peers()
        alone = Ours(database, folder, ONE_BY_ONE, BENCHMARK_TOGETHER="0")
        peers = [nchan, FlaskSse(python, redis), Starlette(python)]
        with listening(program, [ours, alone, *peers], FAN_OUT) as pairs:
            fan_out = measure(pairs, FAN_OUT, pace)
        with listening(program, [ours, *peers], PAIRS) as pairs:
            pair = measure(pairs, PAIRS, pace)
        # Separately: the others' work for 10,000 idle streams would dominate the p99.
        with listening(program, [ours, nchan], PAIRS) as pairs:
            steady = measure(pairs, PAIRS, pace, STEADY)
        logged = Ours(database, folder, LOGGED, LOG_LEVEL="INFO")
        lives = rounds(program, [(ours, True), (logged, True), (nchan, False)], ENDED, 1 if quick else 3)
        by_link = OfLinks(database, folder, BY_LINK)
        kept = rounds(program, [(ours, True), (by_link, True), (nchan, False)], KEPT, 1)
        from_commit = delays(program, server, database, folder, pace)
    report.add(
        _table_of(FAN_OUT, fan_out),
        _table_of(PAIRS, pair),
        f"At {STEADY:,} deliveries a second, evenly spaced, {PAIRS.name}:",
        _steady(steady),
        "A stream's life:",
        _life(ours, nchan, lives, kept),
        _commit(
            *median(from_commit), sum(one.frames for one in from_commit), sum(one.noisy for one in from_commit), pace
        ),
        f"{pace.slices} slices of {pace.seconds:g} s for each line, in rotation. No delivery was lost or repeated. "
        f"Load average {before:.1f} before and {load_average():.1f} after.",
        LEGEND,
    )
    report.pictures += [_picture("bench-fan-out", FAN_OUT, fan_out), _picture("bench-pairs", PAIRS, pair)]


def _raise_descriptors() -> None:
    """The servers and the client inherit it: each stream is an open file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _table_of(shape: Shape, turns: Turns) -> str:
    rows = []
    for name in turns.servers:
        found = turns.of(name)
        ratio = "" if name == turns.servers[0] else figure(turns.ratio(turns.servers[0], name))
        rows.append(
            (
                name,
                f"{turns.median(name, lambda one: one.rate):,.0f}",
                ratio,
                f"{turns.median(name, lambda one: one.p50):.2f}",
                f"{turns.median(name, lambda one: one.p99):.2f}",
                f"{turns.median(name, lambda one: one.used):.0%}",
                f"{turns.median(name, lambda one: one.client):.0%}",
                f"{sum(one.noisy for one in found)} of {len(found)}",
            )
        )
    return f"{shape.name}:\n\n{markdown(HEAD, rows)}"


def _steady(turns: Turns) -> str:
    rows = [
        (
            name,
            f"{turns.median(name, lambda one: one.p50):.2f}",
            f"{turns.median(name, lambda one: one.p99):.2f}",
            f"{turns.median(name, lambda one: one.used):.0%}",
        )
        for name in turns.servers
    ]
    return markdown(("", "p50 ms", "p99 ms", "server"), rows)


def _life(ours: StreamServer, nchan: StreamServer, lives: dict[str, Life], kept: dict[str, Life]) -> str:
    one, other = lives[ours.name], lives[nchan.name]
    rows = [
        (
            "new streams a second",
            f"{one.opened:,.0f}, each with a token not seen before",
            f"{other.opened:,.0f}, no identity",
        ),
        ("the same with `LOG_LEVEL=INFO`, a record for each", f"{lives[LOGGED].opened:,.0f}", ""),
        (
            f"memory per idle stream at {KEPT:,}",
            f"{kept[ours.name].kept:,.0f} bytes",
            f"{kept[nchan.name].kept:,.0f} bytes",
        ),
        (
            f"the same by tracking links, {kept[BY_LINK].opened:,.0f} new ones a second",
            f"{kept[BY_LINK].kept:,.0f} bytes",
            "",
        ),
        (f"SIGTERM with {ENDED:,}: the last bye after", f"{one.told:.2f} s", ""),
        (f"SIGTERM with {ENDED:,}: processes ended after", f"{one.gone:.2f} s", ""),
    ]
    return markdown(("", ours.name, nchan.name), rows)


def _commit(p50: float, p99: float, frames: int, noisy: int, pace: Pace) -> str:
    return (
        f"From a change's commit to its frame in the reader's hand, two workers, {PATCHES_PER_SECOND} PATCH a second "
        f"over HTTP, 100 streams: p50 **{p50:.1f} ms**, p99 **{p99:.1f} ms** ({frames:,} frames; {noisy} of "
        f"{pace.slices} slices noisy). The clock begins in the statement, before its commit is on disk."
    )


def _picture(name: str, shape: Shape, turns: Turns) -> Bars:
    groups = []
    for server in turns.servers:
        rate = statistics.median(one.rate for one in turns.of(server))
        groups.append(Group(server, [(rate, f"{rate:,.0f}")]))
    return Bars(name, f"Deliveries a second, {shape.name}, one core", ("deliveries",), groups)
