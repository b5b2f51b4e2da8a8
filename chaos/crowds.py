"""R18: more requests than connections, beside a thousand idle streams."""

from __future__ import annotations

from collections import deque

import gevent

from chaos import invariants
from chaos.database import Server
from chaos.load import Load, Order
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'chaos'"
NONE_AT_WORK = f"SELECT NOT EXISTS ({CONNECTIONS} AND state <> 'idle' HAVING count(*) > 0)"
PER_WORKER = 20
"""The pools of a worker together, and its three other connections: the maximum."""

LOCKED_SECONDS = 4.0
LOCKED_FAST_SECONDS = 3.5


def crowds(server: Server, report: Report) -> None:
    """R18: 500 changes at once over 10 connections, beside 1,000 idle streams; then the same on a locked table."""
    streams, crowd = report.either((100, 100), (1000, 500))
    with World(server, report, mail=False, HOT_CONNECTIONS="5", STREAMS_PER_PERSON="50") as world:
        orders = world.orders(crowd)
        warm = world.load(24)
        warm.start(clients=8)
        warm.wait()
        world.drain()
        begun = clock.monotonic()
        world.listen(streams)
        report.tell(f"{streams} streams opened in", clock.monotonic() - begun, "s")
        report.check("connections beside them", world.database.number(CONNECTIONS), at_most=2 * PER_WORKER)
        idle = world.database.seconds_until(NONE_AT_WORK, 10)
        report.check("none of these at work after", idle, "s", at_most=10)
        at_once = _at_once(world, list(orders), "CONFIRMED")
        report.tell("500 at once: p99" if crowd == 500 else "all at once: p99", _p99(at_once), "s")
        locked = _at_a_locked_table(world, list(orders))
        report.check("locked: answers 503", locked.statuses[503], at_least=1)
        slowest = max((one[2] for one in locked.refused), default=0)
        report.check("locked: slowest 503", slowest, "s", at_most=2.5)
        report.check("drained after the last change", world.drain(), "s", at_most=30)
        at_once.add(locked)
        at_once.add(warm)
        invariants.check(world, at_once, twice_share=None)


def _at_once(world: World, orders: list[Order], status: str) -> Load:
    load = Load(world.service, world.report.rng, deque(orders), moves=(status,))
    load.start(clients=len(orders))
    load.wait()
    return load


def _at_a_locked_table(world: World, orders: list[Order]) -> Load:
    """The same load while another session holds a table lock: nothing can succeed, and nobody may wait for long."""
    connection = world.database.server.connect(world.database.name)
    connection.autocommit = False
    connection.cursor().execute("LOCK TABLE orders IN SHARE MODE")
    crowd = gevent.spawn(_at_once, world, orders, "PREPARING")
    gevent.sleep(world.report.either(LOCKED_FAST_SECONDS, LOCKED_SECONDS))
    connection.rollback()
    connection.close()
    load: Load = crowd.get()
    return load


def _p99(load: Load) -> float:
    return percentile([one.seconds for one in load.acknowledged], 0.99)
