"""S17: one hostile client, with an address of its own, beside 24 honest ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import gevent

from chaos.database import PROJECT, Server
from chaos.invariants import check_answers
from chaos.load import Load
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock

APART = (("drain",), ("chunks",), ("bomb",), ("openings",), ("silent",))
IN_HASTE = (("drain", "chunks", "bomb"), ("openings",))
"""Who is silent is let go after 10 s; the fast form leaves that to the tests of writing."""

HONEST = 24
MOST_POURED = 16 * 2**20
"""What the kernels of both sides may hold of a body that nobody takes."""

MALLORY = 77


def one_hostile_client(server: Server, report: Report) -> None:
    """S17: nobody is killed, the right one is refused, and the others wait at most twice as long as usual."""
    rate, seconds = report.either((40, 1.0), (60, 10.0))
    with World(server, report, mail=False) as world:
        workers = world.service.workers()
        attacks = report.either(IN_HASTE, APART)
        load = world.load(int(rate * (2 * seconds + 15) * len(attacks)), rate)
        load.start(clients=HONEST)
        load.wait_for(HONEST)
        for together in attacks:
            _attack(world, load, seconds, together)
        load.stop()
        check_answers(report, load)
        report.check("answers 503 to the others", load.statuses[503], at_most=0)
        report.check("connections of the others that broke", load.broken, at_most=0)
        report.check("workers that were killed", len(set(workers) - set(world.service.workers())), at_most=0)


def _attack(world: World, load: Load, seconds: float, attacks: tuple[str, ...]) -> None:
    report, name = world.report, " and ".join(attacks)
    token = world.service.token("buyer", MALLORY)
    command = [sys.executable, "-m", "chaos.mallory", str(world.service.port), token, str(seconds), *attacks]
    with subprocess.Popen(
        command, cwd=PROJECT, env=world.service.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as mallory:
        usual = _p99_while(load, lambda: True, seconds)
        assert mallory.stdin is not None
        assert mallory.stdout is not None
        mallory.stdin.write("begin\n")
        mallory.stdin.flush()
        p99 = _p99_while(load, lambda: mallory.poll() is None, seconds)
        seen = json.loads(mallory.stdout.read())
    report.tell(f"PATCH p99 before {name}", 1000 * usual, "ms")
    report.tell(f"PATCH p99 beside {name}", 1000 * p99, "ms")
    if not report.fast:  # shared with other tests, two cores say nothing about it
        report.check("of the usual", p99 / usual, "times", at_most=2)
    _check(report, Counter(seen["answers"]), seen["poured"], attacks)


def _p99_while(load: Load, going_on: Callable[[], bool], seconds: float) -> float:
    """Of the changes that are acknowledged for so long, if it goes on for so long."""
    first, ends = len(load.acknowledged), clock.monotonic() + seconds
    while load.busy and clock.monotonic() < ends and going_on():
        gevent.sleep(0.05)
    return percentile([one.seconds for one in load.acknowledged[first:]], 0.99)


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
        report.check("silent clients that were kept", answers["silent kept"], at_most=0)
    if "bomb" in attacks:
        report.check("batches that were refused for what is in them", answers["bomb 422"], at_least=1)
    failed = sum(count for name, count in answers.items() if name.endswith(" 500"))
    report.check("answers 500", failed, at_most=0)
