"""R16: receivers that kill, block, exit and flood the process that calls them."""

from __future__ import annotations

import gevent

from chaos import invariants
from chaos.database import Server
from chaos.load import Load, Order
from chaos.report import Report
from chaos.world import World
from foundation import clock

POISONS = ("kill", "block", "leave", "flood")
DEADLY = ("kill", "block", "leave")
MAX_DEATHS = 5

OTHERS_DONE = """SELECT NOT EXISTS (SELECT FROM outbox WHERE event_id <> {0}) AND NOT EXISTS (
    SELECT FROM side_effects WHERE status IN ('pending', 'running') AND event_type <> 'timer' AND event_id <> {0})"""

COMPLETED = """SELECT NOT EXISTS (SELECT FROM outbox WHERE event_id = {0}) AND NOT EXISTS (
    SELECT FROM side_effects WHERE status IN ('pending', 'running') AND event_id = {0})"""

DEAD = "SELECT coalesce(max(attempts), 0) FROM side_effects WHERE event_id = %s AND status = 'dead'"

AGE = f"UPDATE side_effects SET crashes = {MAX_DEATHS - 2} WHERE event_id = %s AND crashes < {MAX_DEATHS - 2}"


def poisoned_receivers(server: Server, report: Report) -> None:
    """R16: each poison in turn, with 1,000 other changes beside it (fast: two of them, with 100)."""
    wsgi = "chaos.poisoned_wsgi:app"
    with World(server, report, mail=False, wsgi=wsgi) as world:
        loads = [_poisoned(world, poison) for poison in report.either(("kill", "flood"), POISONS)]
        world.service.wait_until_ready()
        report.check("drained in the end after", world.drain(), "s", at_most=30)
        first, *others = loads
        for other in others:
            first.add(other)
        invariants.check(world, first, twice_share=None)


def _poisoned(world: World, poison: str) -> Load:
    report, before = world.report, len(world.poisoned())
    # In full they take 17 s: long enough to meet the second worker too after it has called the poisoned receiver.
    load = world.load(report.either(100, 1000), 60)
    (order,) = world.orders(1)
    event = _swallow(world, order, poison, load)
    begun = clock.monotonic()
    load.start(clients=8)
    if report.fast:
        gevent.spawn(_age, world, event)
    load.wait()
    done = world.database.seconds_until(OTHERS_DONE.format(event), 120)
    report.tell(f"{poison}: other changes were made in", clock.monotonic() - begun - done, "s")
    slowest = max(one.seconds for one in load.acknowledged)
    report.tell(f"{poison}: slowest of their answers", slowest, "s")
    took, limit = clock.monotonic() - begun, report.either(60, 400)
    report.check(f"{poison}: all of their effects were done after", took, "s", at_most=30)
    completed = world.database.seconds_until(COMPLETED.format(event), limit)
    report.check(f"{poison}: completed after", took + completed, "s", at_most=limit)
    calls = len(world.poisoned()) - before
    attempts = world.database.number(DEAD, event)
    if poison in DEADLY:
        report.check(f"{poison}: calls, each a worker's death", calls, at_least=1, at_most=MAX_DEATHS)
        report.check(f"{poison}: attempts of the dead letter", attempts, at_least=1, at_most=MAX_DEATHS)
    else:
        report.check(f"{poison}: calls", calls, at_least=1, at_most=1)
        report.check(f"{poison}: dead letters", attempts, at_most=0)
    return load


def _swallow(world: World, order: Order, poison: str, load: Load) -> int:
    """Make the poisoned change; returns its event."""
    load.change(order, "CONFIRMED", f"poison-{poison}", poison)
    return world.database.number("SELECT id FROM order_events WHERE order_id = %s AND version = 2", order.id)


def _age(world: World, event: int) -> None:
    """Give the row many earlier crashes, as soon as there is one: each crash takes some seconds."""
    while not world.database.sql(f"{AGE} RETURNING id", event):
        gevent.sleep(0.2)
    world.report.remark(f"the poisoned effect began with {MAX_DEATHS - 2} crashes on its account")
