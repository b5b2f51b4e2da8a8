"""R28: e-mails that cannot be sent, ahead of those that can, in the queue and among the probes."""

from __future__ import annotations

from collections.abc import Sequence

import gevent

from chaos import invariants
from chaos.database import Server
from chaos.load import Load
from chaos.report import Report
from chaos.world import World
from foundation import clock

COOLDOWN_SECONDS = 15
"""The longest that the circuit of the mail server stays open without a probe."""

POISONS = ("jörg{}@example.org", "busy{}@example.org", "gone{}@example.org")
"""Addresses that no server accepts, that this one defers, and that it refuses."""

READDRESS = """UPDATE orders SET buyer_email = n.email FROM unnest(%s::bigint[], %s::text[]) AS n (id, email)
    WHERE orders.id = n.id"""
OF_ORDERS = "SELECT id FROM order_events WHERE order_id = ANY(%s) AND version = 2"
COMPLETED = """SELECT count(*) = %s FROM side_effects s JOIN order_events e ON e.id = s.event_id
    WHERE e.order_id = ANY(%s) AND s.kind = 'email.status' AND s.status = 'dead'"""
TRIED = """SELECT count(*) = %s FROM side_effects s JOIN order_events e ON e.id = s.event_id
    WHERE e.order_id = ANY(%s) AND s.kind = 'email.status' AND s.attempts > 0"""
OPENED = "SELECT count(*) FROM circuit_changes WHERE state = 'open'"
STATE = "SELECT coalesce((SELECT state FROM circuits WHERE destination = 'mail-server'), 'closed') = %s"
"""A circuit that has never failed has no row: on an idle machine this is asked before the first failure."""
SPENT = """SELECT coalesce(max(attempts), 0) FROM side_effects s JOIN order_events e ON e.id = s.event_id
    WHERE e.order_id = ANY(%s) AND s.kind = 'email.status'"""
IDLE = "SELECT NOT EXISTS (SELECT FROM side_effects WHERE status = 'running')"
DUE = "UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE status = 'pending' AND event_type <> 'timer'"


def poisoned_mail(server: Server, report: Report) -> None:
    """R28: 72 poisoned e-mails before 3 good ones, twice, and 43 to a server that refuses us (fast: 24, 3, 6)."""
    bad, strangers = report.either((24, 6), (72, 43))
    with World(server, report) as world:
        world.mails.behave("picky")
        loads = [*_in_the_queue(world, bad), *_among_the_probes(world, bad), _refused(world, strangers)]
        world.database.sql(DUE)  # deferred ones would wait for minutes
        report.check("drained in the end after", world.drain(), "s", at_most=60)
        dead = world.database.number("SELECT count(*) FROM side_effects WHERE status = 'dead'")
        report.check("dead letters beside those that can never be sent", dead - 4 * bad // 3, at_most=0)
        first, *others = loads
        for other in others:
            first.add(other)
        changed = {id for (id,) in world.database.sql("SELECT id FROM order_events WHERE version = 2")}
        report.check("mails lost", len(changed) - dead - len(set(world.mails.events())), at_most=0)
        world.by_mail = False  # not each change has one
        invariants.check(world, first, twice_share=None)


def _in_the_queue(world: World, bad: int) -> list[Load]:
    poisoned = _confirm(world, _addresses(bad))
    world.database.seconds_until(TRIED % (bad, _array(_ids(poisoned))), COOLDOWN_SECONDS)
    good = _confirm(world, ["alice@example.org"] * 3)
    took = _seconds_until_sent(world, good)
    world.report.check("queue: good mail left after", took, "s", at_most=COOLDOWN_SECONDS)
    died = world.database.seconds_until(COMPLETED % (2 * bad // 3, _array(_ids(poisoned))), COOLDOWN_SECONDS)
    world.report.check("queue: what can never be sent was dead after", took + died, "s", at_most=COOLDOWN_SECONDS)
    world.report.check("queue: times that the circuit opened", world.database.number(OPENED), at_most=0)
    return [poisoned, good]


def _among_the_probes(world: World, bad: int) -> list[Load]:
    """The server is down until the circuit is open, and what waits behind it is mostly poison."""
    world.mails.behave("refuse")
    loads = [_confirm(world, ["alice@example.org"] * bad)]
    opened = world.database.seconds_until(STATE % "'open'", 30)
    world.report.check("probes: the circuit opened after", opened, "s", at_most=30)
    loads += [_confirm(world, _addresses(bad, 1000)), _confirm(world, ["alice@example.org"] * 3)]
    world.mails.behave("picky")
    _end_cooldown(world)
    took = _seconds_until_sent(world, loads[-1])
    world.report.check("probes: good mail left after", took, "s", at_most=2 * COOLDOWN_SECONDS)
    closed = world.database.seconds_until(STATE % "'closed'", 60)
    world.report.check("probes: the circuit was closed after", took + closed, "s", at_most=60)
    died = world.database.seconds_until(COMPLETED % (2 * bad // 3, _array(_ids(loads[1]))), 60)
    world.report.check("probes: what can never be sent was dead after", took + closed + died, "s", at_most=60)
    return loads


def _refused(world: World, count: int) -> Load:
    """The server refuses all calls; later it works."""
    world.mails.behave("stranger")
    load = _confirm(world, ["alice@example.org"] * count)
    opened = world.database.seconds_until(STATE % "'open'", 30)
    world.database.seconds_until(IDLE, 10)
    world.report.check("refused: the circuit opened after", opened, "s", at_most=5)
    spent = world.database.number(SPENT, _ids(load))
    world.report.check("refused: attempts spent by any mail", spent, at_most=0)
    world.mails.behave("well")
    _end_cooldown(world)
    if world.report.fast:
        world.database.sql(DUE)
    took = _seconds_until_sent(world, load)
    world.report.check("refused: all were sent after", took, "s", at_most=3 * COOLDOWN_SECONDS)
    return load


def _end_cooldown(world: World) -> None:
    if world.report.fast:
        world.database.sql("UPDATE circuits SET until = clock_timestamp() WHERE state = 'open'")
        world.report.remark("the circuit's cooldown was ended by hand")


def _addresses(count: int, first: int = 0) -> list[str]:
    return [POISONS[number % 3].format(first + number) for number in range(count)]


def _confirm(world: World, addresses: Sequence[str]) -> Load:
    """Orders for these addresses, as older tables may contain them, and a change of each."""
    orders = world.orders(len(addresses))
    world.database.sql(READDRESS, [order.id for order in orders], list(addresses))
    load = Load(world.service, world.report.rng, orders, moves=("CONFIRMED",))
    load.start(clients=8)
    load.wait()
    return load


def _ids(load: Load) -> list[int]:
    return [one.order for one in load.acknowledged]


def _array(ids: Sequence[int]) -> str:
    return f"ARRAY[{', '.join(map(str, ids))}]::bigint[]"


def _seconds_until_sent(world: World, load: Load) -> float:
    wanted = {id for (id,) in world.database.sql(OF_ORDERS, _ids(load))}
    begun = clock.monotonic()
    while not wanted <= set(world.mails.events()):
        if clock.monotonic() - begun > 60:
            return float("inf")
        gevent.sleep(0.05)
    return clock.monotonic() - begun
