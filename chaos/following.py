"""R5, R6: the path from the log into every process, interrupted or contended."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import gevent
import psycopg2

from chaos import invariants
from chaos.database import Server
from chaos.proxy import Proxy
from chaos.readers import Reader
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock
from realtime.log import APPEND_PACKS, APPENDED, TAKE_LOCK

FEED = "onward feed"
WRITERS = 8
WAIT_SECONDS = 0.02
WRITE = f"""{TAKE_LOCK} WITH packs AS (
    SELECT n AS sort, 'seller:' || %s AS channel, NULL::text AS other, 'order.told 0 0' AS recipe,
        '{{"at":' || to_json(clock_timestamp()) || '}}' AS pieces, 1 AS events, NULL::bigint AS event_id
    FROM generate_series(1, %s) AS n), {APPEND_PACKS} {APPENDED}"""
"""The service's own way to append, for events without further effects."""


def half_open_feed(server: Server, report: Report) -> None:
    """R5: the connection that receives wake-ups carries nothing any more, and neither end notices."""
    changes, rate = report.either((200, 40), (6000, 200))
    world = World(server, report, mail=False)
    proxy = Proxy(world.database)
    world.service.env["DATABASE_URL"] = proxy.url
    with closing(proxy), world:
        world.listen(report.either(10, 40))
        usual = world.load(24)
        usual.start(clients=4)
        usual.wait()
        _clear(world.readers)
        while proxy.opened(FEED) < len(world.service.workers()):
            gevent.sleep(0.05)
        load = world.load(changes, rate)
        load.start(clients=8)
        frozen, opened, begun = proxy.freeze(FEED), proxy.opened(FEED), clock.monotonic()
        report.check("connections that carry nothing any more", frozen, at_least=2)
        while proxy.opened(FEED) < opened + frozen and clock.monotonic() - begun < 30:
            gevent.sleep(0.05)
        report.check("all replaced after", clock.monotonic() - begun, "s", at_most=10)
        load.wait()
        world.drain()
        world.catch_up()
        slowest = max(lag for reader in world.readers for lag in reader.lags)
        report.check("slowest live event", slowest, "s", at_most=1.5)
        load.add(usual)
        invariants.check(world, load, twice_share=None)


def crowded_log(server: Server, report: Report) -> None:
    """R6: eight writers that pause inside their transactions, beside write transactions that stay open."""
    events = report.either(1500, 20_000)
    with World(server, report, mail=False, STREAMS_PER_PERSON="1000") as world:
        world.listen_to([("seller", 1 + number) for number in range(WRITERS)] * 2)
        with closing(_left_open(server, world, report)):
            begun = clock.monotonic()
            gevent.joinall([gevent.spawn(_write, world, number, events // WRITERS) for number in range(WRITERS)])
            report.tell("events", world.database.number("SELECT count(*) FROM live_events"))
            report.tell("written in", clock.monotonic() - begun, "s")
            world.catch_up()
        lags = [one.lag for reader in world.readers for one in reader.heard]
        report.check("from the append to the reader p99", 1000 * percentile(lags, 0.99), "ms",
                     at_most=report.either(500, 50))  # fmt: skip
        invariants.check_readers(world)


def _left_open(server: Server, world: World, report: Report) -> psycopg2.extensions.connection:
    """A write transaction that stays open during the whole proof, and a forgotten prepared one."""
    connection = server.connect(world.database.name)
    connection.cursor().execute("CREATE TABLE foreign_work (id int)")
    try:
        cursor = connection.cursor()
        cursor.execute("BEGIN; INSERT INTO foreign_work VALUES (1); PREPARE TRANSACTION 'forgotten'")
    except psycopg2.Error:
        connection.cursor().execute("ROLLBACK")
        report.remark("this PostgreSQL allows no prepared transactions; a plain one stayed open")
    connection.autocommit = False
    connection.cursor().execute("INSERT INTO foreign_work VALUES (2)")
    return connection


def _write(world: World, number: int, events: int) -> None:
    """Append this many events for one seller, a few per transaction, with pauses before and while it holds the lock."""
    rng, left = world.report.rng, events
    with closing(world.database.server.connect(world.database.name)) as connection:
        connection.autocommit = False
        cursor: Any = connection.cursor()
        while left:
            several = min(left, rng.randint(1, 4))
            cursor.execute("SELECT txid_current()")
            gevent.sleep(rng.uniform(0, WAIT_SECONDS))
            cursor.execute(WRITE, (1 + number, several))
            gevent.sleep(rng.uniform(0, WAIT_SECONDS / 10))
            connection.commit()
            left -= several


def _clear(readers: list[Reader]) -> None:
    for reader in readers:
        reader.lags.clear()
