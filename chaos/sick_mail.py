"""R8: the mail server refuses, hangs, defers and drips while e-mails are due; nothing else may notice."""

from __future__ import annotations

import time

import gevent

from chaos import invariants
from chaos.database import Server
from chaos.load import Load
from chaos.report import Report, percentile
from chaos.world import World

OPENED = """SELECT extract(epoch FROM min(at))::float8 FROM circuit_changes
    WHERE state = 'open' AND extract(epoch FROM at) > %s"""

ATTEMPTS = "SELECT sum(attempts) FROM side_effects WHERE kind = 'email.status'"

PATIENT = ("drip", "forgetful")
"""Modes that only the deadline of the whole attempt detects, or nothing at all: the circuit opens later or never."""


def sick_mail_server(server: Server, report: Report) -> None:
    """R8: each mode in turn, with 2,000 e-mails due (fast: 60, and the first mode only)."""
    mails, rate = report.either((60, 60), (2000, 120))
    with World(server, report) as world:
        world.listen(report.either(4, 20))
        loads = [_well(world, report.either(60, 1000), rate)]
        usual = _lag(world)
        for mode in report.either(("refuse",), ("refuse", "hang", "later", "drip", "forgetful")):
            size = mails if mode in ("refuse", "hang") else mails // 10
            loads.append(_sick(world, mode, size, rate, usual))
        dead = world.database.number("SELECT count(*) FROM side_effects WHERE status = 'dead'")
        report.check("dead letters", dead, at_most=0)
        invariants.check(world, _together(loads), twice_share=None)
        events = world.mails.events()
        report.check("mails sent more than once", len(events) - len(set(events)), at_most=0)


def _well(world: World, changes: int, rate: float) -> Load:
    load = world.load(changes, rate, moves=("CONFIRMED",))
    load.start(clients=8)
    load.wait()
    world.drain()
    connections = len(world.mails.calls()) / max(1, len(world.mails.events()))
    world.report.check("connections per e-mail", connections, at_most=world.report.either(1, 0.2))
    return load


def _sick(world: World, mode: str, mails: int, rate: float, usual: float) -> Load:
    report, before = world.report, world.database.number(ATTEMPTS)
    world.mails.behave(mode)
    begun = time.time()
    for reader in world.readers:
        reader.lags.clear()
    load = world.load(mails, rate, moves=("CONFIRMED",))  # e-mails of one order would wait for each other
    load.start(clients=8)
    opened = _wait_for_open(world, begun, report.either(20, 40))
    at_open, at = world.database.number(ATTEMPTS), time.time()
    load.wait()
    if mode not in PATIENT:
        report.check(f"{mode}: circuit open after", opened, "s", at_most=10)
        gevent.sleep(max(0.0, report.either(3, 60) - (time.time() - at)))
        probes = world.database.number(ATTEMPTS) - at_open
        every_five = probes / (time.time() - at) * 5
        report.check(f"{mode}: attempts per 5 s while open", every_five, at_most=report.either(5, 1))
    report.tell(f"{mode}: attempts in all", world.database.number(ATTEMPTS) - before)
    lag = _lag(world)
    report.check(
        f"{mode}: realtime p99 beyond the usual {1000 * usual:.0f} ms",
        1000 * (lag - usual),
        "ms",
        at_most=report.either(500, max(30, 100 * usual)),
    )
    world.mails.behave("well")
    if report.fast:
        world.database.sql("UPDATE circuits SET until = clock_timestamp()")
        report.remark("the circuit's cooldown was ended by hand")
    report.check(f"{mode}: drained after its return", world.drain(90), "s", at_most=60)
    return load


def _wait_for_open(world: World, begun: float, limit: float) -> float:
    while time.time() < begun + limit:
        ((at,),) = world.database.sql(OPENED, begun)
        if at:
            return float(at) - begun
        gevent.sleep(0.1)
    return float("inf")


def _lag(world: World) -> float:
    return percentile([lag for reader in world.readers for lag in reader.lags], 0.99)


def _together(loads: list[Load]) -> Load:
    """All loads as one, for the invariants."""
    first, *others = loads
    for other in others:
        first.add(other)
    return first
