"""S17: one hostile client, with an address of its own, beside 24 honest ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent

from chaos.database import PROJECT, Server
from chaos.invariants import check_answers
from chaos.load import Load
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock

APART = (("drain",), ("chunks",), ("bomb",), ("openings",), ("silent",))
IN_HASTE = (("drain", "chunks", "bomb"), ("openings",))
"""A silent client is dropped after 10 s; the fast form leaves that to the tests of writing."""

ROUNDS = 3
"""Each attack alternates between the service and the other server: the speed of a machine changes within seconds."""

HONEST = 24
MOST_POURED = 16 * 2**20
"""What the kernels of both sides may buffer of an unread body."""

MALLORY = 77


def one_hostile_client(server: Server, report: Report) -> None:
    """S17: no worker is killed, the attacker is refused, and the others wait at most twice as long as while the same
    client does the same to another server, since it uses one of two cores whatever it attacks."""
    rate, seconds = report.either((40, 1.0), (60, 8.0))
    with World(server, report, mail=False) as world:
        workers = world.service.workers()
        attacks = report.either(IN_HASTE, APART)
        load = world.load(int(rate * ((2 * ROUNDS + 1) * seconds + 90) * len(attacks)), rate)
        load.start(clients=HONEST)
        load.wait_for(report.either(1, 40) * HONEST)  # its first seconds are not typical
        for together in attacks:
            _attack(world, load, seconds, together)
        load.stop()
        check_answers(report, load)
        report.check("answers 503 to the others", load.statuses[503], at_most=0)
        report.check("connections of the others that broke", load.broken, at_most=0)
        report.check("workers that were killed", len(set(workers) - set(world.service.workers())), at_most=0)


def _attack(world: World, load: Load, seconds: float, attacks: tuple[str, ...]) -> None:
    report, name = world.report, " and ".join(attacks)
    poured, answers = 0, Counter[str]()
    ours: list[float] = []
    others: list[float] = []
    if not report.fast:  # shared with other tests, two cores say nothing about it
        report.tell("PATCH p99 alone", 1000 * percentile(_while(load, lambda: True, seconds), 0.99), "ms")
    for _ in range(report.either(1, ROUNDS)):
        if not report.fast:
            with _sink(world) as port, _mallory(world, port, seconds, attacks) as mallory:
                others += _while(load, lambda: mallory.poll() is None, seconds)
                mallory.kill()
        with _mallory(world, world.service.port, seconds, attacks) as mallory:
            ours += _while(load, lambda: mallory.poll() is None, seconds)
            assert mallory.stdout is not None
            seen = json.loads(mallory.stdout.read())
        poured = max(poured, seen["poured"])
        answers.update(seen["answers"])
    p99 = percentile(ours, 0.99)
    report.tell(f"PATCH p99 beside {name}", 1000 * p99, "ms")
    if not report.fast:
        usual = percentile(others, 0.99)
        report.tell("while another server has it", 1000 * usual, "ms")
        report.check("as a multiple of that", p99 / usual, "times", at_most=2)
    _check(report, answers, poured, attacks)


@contextmanager
def _mallory(world: World, port: int, seconds: float, attacks: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    """A hostile client, a process of its own, which attacks this port and then prints its results."""
    token = world.service.token("buyer", MALLORY)
    with _process(world, "chaos.mallory", str(port), token, str(seconds), *attacks) as mallory:
        assert mallory.stdin is not None
        assert mallory.stdout is not None
        mallory.stdout.readline()  # its start, on one of two cores, is not part of the attack
        mallory.stdin.write("begin\n")
        mallory.stdin.flush()
        yield mallory


@contextmanager
def _sink(world: World) -> Iterator[int]:
    """The port of a server that does the minimum."""
    with _process(world, "chaos.sink") as sink:
        assert sink.stdout is not None
        yield int(sink.stdout.readline())
        sink.kill()


def _process(world: World, *module: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=PROJECT,
        env=world.service.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _while(load: Load, going_on: Callable[[], bool], seconds: float) -> list[float]:
    """Latencies of the changes acknowledged in this time."""
    first, ends = len(load.acknowledged), clock.monotonic() + seconds
    while load.busy and clock.monotonic() < ends and going_on():
        gevent.sleep(0.05)
    return [one.seconds for one in load.acknowledged[first:]]


def _check(report: Report, answers: Counter[str], poured: int, attacks: tuple[str, ...]) -> None:
    for name, count in sorted(answers.items()):
        report.tell(f"answers: {name}", count)
    if "drain" in attacks:
        report.check("bytes of one body that were taken", poured, at_most=MOST_POURED)
    if "chunks" in attacks:
        report.check("chunks that were refused", answers["chunks 400"] + answers["chunks 503"], at_least=1)
    if "openings" in attacks:
        report.check("openings that were refused", answers["openings 503"], at_least=1)
    if "silent" in attacks:
        report.check("silent clients that were not closed", answers["silent kept"], at_most=0)
    if "bomb" in attacks:
        report.check("batches refused for their content", answers["bomb 422"], at_least=1)
    failed = sum(count for name, count in answers.items() if name.endswith(" 500"))
    report.check("answers 500", failed, at_most=0)
