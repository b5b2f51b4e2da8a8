"""R9 and R32: endpoints of webhooks hang and fail, and workers are killed meanwhile."""

from __future__ import annotations

import base64
import os
import signal
from collections import Counter, deque
from contextlib import suppress

from chaos.database import Server
from chaos.endpoints import Endpoint, Endpoints
from chaos.load import PATH, Load, Order
from chaos.report import Report, percentile
from chaos.world import ORDERS, World

DIVISOR = 1000
"""Of the time between attempts: three days are four minutes. Of 20,000 deliveries that fail three times in ten, some
need eight attempts."""

PENDING = """SELECT count(*) FROM side_effects WHERE kind = 'webhook.delivery' AND status IN ('pending', 'running')"""
DEAD = "SELECT count(*) FROM side_effects WHERE kind = 'webhook.delivery' AND status = 'dead'"


def hanging_endpoint(server: Server, report: Report) -> None:
    """R9: one endpoint hangs with 500 due (fast: 40), beside 20 that are healthy (fast: 4)."""
    due, healthy, changes, rate = report.either((40, 4, 60, 60), (500, 20, 2000, 100))
    endpoints = Endpoints(report.rng)
    with _world(server, report) as world:
        sick = endpoints.register(world.service, healthy + 1)
        well = [endpoints.register(world.service, number) for number in range(1, healthy + 1)]
        sick.hangs = True
        _load(world, due, healthy + 1, healthy + 1).wait()
        load = _load(world, changes, 1, healthy, rate)
        load.wait()
        world.database.seconds_until(f"SELECT ({_pending_of(well)}) = 0", 30)
        lags = _lags(load, well)
        report.check("healthy endpoints: deliveries", len(lags), at_least=len(load.acknowledged))
        report.check(
            "healthy endpoints: p99 from the answer to the delivery",
            percentile(lags, 0.99),
            "s",
            at_most=report.either(3, 1),
        )
        report.check("calls in progress to the one that hangs, at most", sick.most_at_once, at_most=5)
        report.check("due to it while it hangs", world.database.number(PENDING), at_least=due)
        sick.hangs = False
        world.database.sql("UPDATE circuits SET until = clock_timestamp()")
        report.remark("its circuit's cooldown was ended by hand")
        seconds = world.database.seconds_until(f"SELECT ({PENDING}) = 0", 120)
        report.check("all of it delivered after its return", seconds, "s", at_most=90)
        report.check("its deliveries", len({one.id for one in sick.accepted}), at_least=due)
        _check(report, endpoints, load, _owners(world))
    endpoints.stop()


def failing_endpoints(server: Server, report: Report) -> None:
    """R32: 10,000 changes over 50 endpoints (fast: 100 over 6), 30 % failures, hangs, and kill -9 of workers."""
    changes, rate, sellers, kills = report.either((100, 60, 3, 1), (10_000, 60, 25, 12))
    endpoints = Endpoints(report.rng, failing=0.3, hanging=report.either(0.0, 0.002))
    with _world(server, report) as world:
        for seller in range(1, sellers + 1):
            for _ in range(2):
                endpoints.register(world.service, seller)
        load = _load(world, changes, 1, sellers, rate)
        for number in range(kills):
            load.wait_for(changes * (number + 1) // (kills + 2))
            with suppress(ProcessLookupError, IndexError):
                os.kill(report.rng.choice(world.service.workers()), signal.SIGKILL)
        load.wait()
        seconds = world.database.seconds_until(f"SELECT ({PENDING}) = 0", report.either(100, 420))
        report.check("all delivered after the last change", seconds, "s", at_most=report.either(90, 400))
        report.check("given up", world.database.number(DEAD), at_most=0)
        calls, accepted = (
            sum(numbers) for numbers in zip(*((e.calls, len(e.accepted)) for e in endpoints.all), strict=True)
        )
        report.tell("calls", calls)
        report.tell("of these not accepted, in per cent", 100 * (1 - accepted / calls))
        _check(report, endpoints, load, _owners(world))
    endpoints.stop()


def _world(server: Server, report: Report) -> World:
    key = base64.b64encode(b"c" * 32).decode()
    return World(
        server,
        report,
        mail=False,
        WEBHOOK_SECRET_KEYS=f"chaos:{key}",
        WEBHOOK_ALLOW_NETS="127.0.0.0/8",
        WEBHOOK_RETRY_DIVISOR=str(DIVISOR),
    )


def _load(world: World, changes: int, first: int, last: int, rate: float = 0.0) -> Load:
    """Clients that change orders of the sellers with these ids."""
    count = last - first + 1
    rows = world.database.sql(ORDERS, count, count, -(-changes // (len(PATH) - 1)))
    orders = [Order(id, seller + first - 1, buyer) for id, seller, buyer in rows]
    if first > 1:
        world.database.sql("UPDATE orders SET seller_id = %s WHERE id = ANY(%s)", first, [one.id for one in orders])
    load = Load(world.service, world.report.rng, deque(orders), rate, PATH[:-1])
    load.start(clients=16)
    return load


def _pending_of(endpoints: list[Endpoint]) -> str:
    return f"""{PENDING} AND destination IN (
        SELECT 'webhook:' || id FROM webhook_endpoints WHERE seller_id <= {len(endpoints)})"""


def _lags(load: Load, endpoints: list[Endpoint]) -> list[float]:
    """Seconds from the answer to a change until its first delivery to an endpoint."""
    answered = {(one.order, one.version): one.at for one in load.acknowledged}
    return [
        one.at - answered[(one.order, one.version)]
        for endpoint in endpoints
        for one in endpoint.accepted
        if (one.order, one.version) in answered
    ]


def _check(report: Report, endpoints: Endpoints, load: Load, owners: dict[int, int]) -> None:
    """What was answered with 200 was delivered, in order, under one id; and every delivery was signed."""
    made = {(one.order, one.version) for one in load.acknowledged}
    lost = inverted = twice = under_two_ids = 0
    for endpoint in endpoints.all:
        ids: dict[tuple[int, int], str] = {}
        highest: Counter[int] = Counter()
        for one in endpoint.accepted:
            known = ids.get((one.order, one.version))
            twice += known == one.id
            under_two_ids += known not in (None, one.id)
            inverted += known is None and one.version < highest[one.order]
            ids[(one.order, one.version)] = one.id
            highest[one.order] = max(highest[one.order], one.version)
        wanted = {change for change in made if owners.get(change[0]) == endpoint.seller}
        lost += len(wanted - ids.keys())
    report.check("changes acknowledged", len(made), at_least=1)
    report.check("requests given up", len(load.given_up), at_most=0)
    report.check("deliveries lost", lost, at_most=0)
    report.check("inversions of an order's versions at an endpoint", inverted, at_most=0)
    report.check("events under more than one id", under_two_ids, at_most=0)
    report.check("deliveries that standardwebhooks does not verify", sum(endpoints.unverified.values()), at_most=0)
    report.tell("deliveries twice, under the same id", twice)


def _owners(world: World) -> dict[int, int]:
    """The seller of each order."""
    return dict(world.database.sql("SELECT id, seller_id FROM orders"))
