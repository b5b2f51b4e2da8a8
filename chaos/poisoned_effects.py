"""R27: one poisoned item in each queue of effects: an effect, a batch, a timer."""

from __future__ import annotations

from contextlib import closing

import gevent
import psycopg2.extensions

from chaos.database import Server
from chaos.load import Load, Order
from chaos.report import Report
from chaos.world import World
from foundation import clock
from orders.effects import timer

SLOW = """CREATE FUNCTION takes_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    IF NEW.order_id = {0} THEN PERFORM pg_sleep(60); END IF; RETURN NEW; END$$;
CREATE TRIGGER poison BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION takes_for_ever()"""
"""The conversation's message of one order is never written."""

EARLIER = """INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
    SELECT 'order', id, order_id, 4, '', 0, clock_timestamp() + interval '1 h' FROM order_events WHERE order_id = %s"""
"""An earlier entry of an order: each later one includes it."""

TIMER = f"""INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, scheduled_at)
    SELECT '{timer.KIND}', '{timer.DESTINATION}', '{timer.TIMER_EVENT_TYPE}', id, order_id, clock_timestamp()
    FROM order_events WHERE order_id = ANY(%s) AND to_status = 'DELIVERED'"""

FIRED = """SELECT count(*) FROM order_events WHERE actor_role = 'system' AND order_id = ANY(%s)"""

LATENCY = """SELECT coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM n.created_at - e.at)), 9)
    FROM order_events e JOIN notifications n ON n.event_id = e.id AND n.kind = 'generic'
    WHERE e.order_id = ANY(%s) AND e.version > 1"""

OTHERS_DONE = """SELECT NOT EXISTS (SELECT FROM outbox WHERE order_id <> ALL(ARRAY[{0}])) AND NOT EXISTS (
    SELECT FROM side_effects WHERE status IN ('pending', 'running') AND event_type <> 'timer' AND order_id <>
        ALL(ARRAY[{0}]))"""

LEFT = "SELECT count(*) FROM side_effects WHERE status <> 'succeeded' AND order_id = %s"

GOOD_TIMERS = 20


def poisoned_effects(server: Server, report: Report) -> None:
    """R27: each poison beside honest clients, first without any."""
    with World(server, report, mail=False) as world:
        usual = _p99(world, "usual")
        slow, locked, stuck = world.orders(3)
        world.database.sql(SLOW.format(slow.id))
        world.database.sql(EARLIER, locked.id)
        held = _lock(server, world, f"SELECT FROM outbox WHERE order_id = {locked.id} FOR UPDATE")
        load = world.load(6, moves=("CONFIRMED",))
        load.change(slow, "CONFIRMED", "slow")
        load.change(locked, "CONFIRMED", "locked")
        with closing(held):
            beside = _p99(world, "beside a slow effect and a locked batch")
            if not report.fast:
                report.tell("the same, times the usual", beside / max(usual, 0.001))
                report.check("p99 beside poison", beside, "s", at_most=1)
            others = world.database.seconds_until(OTHERS_DONE.format(f"{slow.id}, {locked.id}, {stuck.id}"), 60)
            report.check("all effects of other changes were done after", others, "s", at_most=5)
            _timers(world, server, stuck, load)
        _recover(world, slow, locked, stuck)


def _p99(world: World, when: str) -> float:
    """Seconds from a change to its effects, for honest clients."""
    load = world.load(world.report.either(120, 3000), world.report.either(60, 100))
    ids = [one.id for one in load.orders]
    load.start(clients=world.report.either(8, 24))
    load.wait()
    world.database.seconds_until(f"SELECT NOT EXISTS (SELECT FROM outbox WHERE order_id = ANY(ARRAY{ids}))", 30)
    value = float(world.database.sql(LATENCY, ids)[0][0])
    world.report.tell(f"p99 from a change to its effects, {when}", value, "s")
    return value


def _lock(server: Server, world: World, statement: str) -> psycopg2.extensions.connection:
    connection = server.connect(world.database.name)
    connection.autocommit = False
    connection.cursor().execute(statement)
    return connection


def _timers(world: World, server: Server, stuck: Order, load: Load) -> None:
    """Twenty timers are due, preceded by one whose order stays locked."""
    orders = [stuck, *world.orders(GOOD_TIMERS)]
    for order in orders:
        for number, status in enumerate(("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED")):
            load.change(order, status, f"timed-{order.id}-{number}")
    ids = [one.id for one in orders]
    world.database.seconds_until(f"SELECT NOT EXISTS (SELECT FROM outbox WHERE order_id = ANY(ARRAY{ids}))", 30)
    with closing(_lock(server, world, f"SELECT FROM orders WHERE id = {stuck.id} FOR UPDATE")):
        world.database.sql("DELETE FROM side_effects WHERE event_type = 'timer'")
        world.database.sql(TIMER, ids)
        begun = clock.monotonic()
        while world.database.number(FIRED, ids) < GOOD_TIMERS and clock.monotonic() - begun < 30:
            gevent.sleep(0.05)
        world.report.check(
            "timers that fired beside a stuck one", world.database.number(FIRED, ids), at_least=GOOD_TIMERS
        )
        took = clock.monotonic() - begun
        world.report.check("the last of them after", took, "s", at_most=15)


def _recover(world: World, slow: Order, locked: Order, stuck: Order) -> None:
    """Without the poison, all three are done like all others, once."""
    world.database.sql("DROP TRIGGER poison ON messages")
    report, begun = world.report, clock.monotonic()
    world.database.sql("UPDATE outbox SET lease_until = clock_timestamp() WHERE lease_until > clock_timestamp()")
    while clock.monotonic() - begun < 60 and any(_left(world, one) for one in (slow, locked, stuck)):
        world.database.sql("UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE status = 'pending'")
        gevent.sleep(0.2)
    report.check(
        "poisoned items that are not done afterwards",
        sum(_left(world, one) for one in (slow, locked, stuck)),
        at_most=0,
    )
    twice = (
        "SELECT count(*) FROM (SELECT FROM messages WHERE kind = 'system' GROUP BY event_id HAVING count(*) > 1) AS m"
    )
    report.check("messages that were written twice", world.database.number(twice), at_most=0)
    report.check("workers that live", len(world.service.workers()), at_least=2)


def _left(world: World, order: Order) -> int:
    outbox = world.database.number("SELECT count(*) FROM outbox WHERE order_id = %s", order.id)
    return outbox + world.database.number(LEFT, order.id)
