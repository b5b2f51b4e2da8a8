"""R24 and R25: changes share statements; an error of one of them affects its own client only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from http.client import HTTPConnection

import gevent

from chaos import invariants
from chaos.database import Server
from chaos.load import Load, Order
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock

OTHERS = 24
"""Honest clients, which are measured."""

ASKING = 8
"""Clients that request the locked order."""

SLICE_SECONDS, SLICE_FAST_SECONDS = 3.0, 1.0
ROUNDS, ROUNDS_FAST = 3, 1

MOST_PER_SECOND, MOST_PER_SECOND_FAST = 1500, 1000
"""More than the others can change, so that their orders last."""

LOCKED_SECONDS = 2.5
"""Until the last request for a locked order has its 503."""

SLOWER = 2.0
"""Bound for the p99 of others, as a multiple of the same without the disturbance."""

RATE, RATE_FAST = 0.9, 0.3
"""Bound for the rate of others, as a share of the same without the disturbance. One second has no reliable p99; before,
a locked order left a hundredth of the rate."""


@dataclass
class Asked:
    """The responses to impossible requests."""

    answers: list[tuple[int, float]] = field(default_factory=list)
    """(status, seconds) of each."""

    without_retry_after: int = 0
    stopping: bool = False

    def ask(self, world: World, order: Order, key: str) -> None:
        """Request one change again and again, until stopped."""
        headers = {"Authorization": f"Bearer {world.service.token('seller', order.seller)}"}
        headers |= {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        with closing(HTTPConnection("127.0.0.1", world.service.port, timeout=10)) as connection:
            while not self.stopping:
                begun = clock.monotonic()
                connection.request("PATCH", f"/api/orders/{order.id}/status", b'{"status":"CONFIRMED"}', headers)
                answer = connection.getresponse()
                answer.read()
                self.answers.append((answer.status, clock.monotonic() - begun))
                self.without_retry_after += answer.status == 503 and not answer.headers.get("Retry-After")

    @property
    def statuses(self) -> set[int]:
        return {status for status, _ in self.answers}


def locked_row(server: Server, report: Report) -> None:
    """R24: an order stays locked, and eight clients request it; all others are as fast as without."""
    with World(server, report, mail=False) as world:
        (order,) = world.orders(1)
        asked = Asked()
        of_p99, of_rate = report.either((None, RATE_FAST), (SLOWER, None))
        _compare(world, asked, order, "", ASKING, of_p99=of_p99, of_rate=of_rate)
        report.check("requests for the locked order answered with 503", len(asked.answers), at_least=ASKING)
        report.check("answered with anything else", len(asked.statuses - {503}), at_most=0)
        slowest = max((seconds for _, seconds in asked.answers), default=0.0)
        report.check("the slowest 503", slowest, "s", at_most=4)
        report.check("503 without Retry-After", asked.without_retry_after, at_most=0)


def used_key(server: Server, report: Report) -> None:
    """R25: a client sends a used key with an order that could be changed, again and again; the others' rate holds."""
    with World(server, report, mail=False) as world:
        used, *orders = world.orders(100)
        before = world.load(1)
        before.change(used, "CONFIRMED", "used")
        order = next(one for one in orders if one.seller == used.seller)
        asked = Asked()
        _compare(world, asked, order, "used", 1, of_rate=report.either(RATE_FAST, RATE), before=before)
        report.check("refused for their key", len(asked.answers), at_least=report.either(2, 10))
        report.check("answered with anything but 422", len(asked.statuses - {422}), at_most=0)


def _compare(
    world: World,
    asked: Asked,
    order: Order,
    key: str,
    clients: int,
    *,
    of_p99: float | None = None,
    of_rate: float | None = None,
    before: Load | None = None,
) -> None:
    """Measure the others in slices with and without the disturbance, alternating, and check all invariants."""
    report = world.report
    seconds, rounds = report.either((SLICE_FAST_SECONDS, ROUNDS_FAST), (SLICE_SECONDS, ROUNDS))
    load = world.load(
        round(report.either(MOST_PER_SECOND_FAST, MOST_PER_SECOND) * rounds * (2 * seconds + LOCKED_SECONDS))
    )
    load.start(clients=OTHERS)
    load.wait_for(10 * OTHERS)
    quiet, beside = [], []
    for _ in range(rounds):
        quiet += _slice(load, seconds)
        with nullcontext() if key else _locked(world, order):
            asked.stopping = False
            asking = [gevent.spawn(asked.ask, world, order, key) for _ in range(clients)]
            beside += _slice(load, seconds)
            asked.stopping = True
            gevent.joinall(asking, raise_error=True)
    load.stop()
    rate = len(beside) / max(1, len(quiet))
    times = [percentile(one, 0.99) for one in (quiet, beside)]
    report.tell("others, undisturbed: changes a second", len(quiet) / seconds / rounds)
    report.tell("others, undisturbed: p99", times[0] * 1000, "ms")
    report.tell("others, beside them: p50", percentile(beside, 0.5) * 1000, "ms")
    report.check("others, beside them: p99, as a multiple", times[1] / times[0], at_most=of_p99)
    report.check("others, beside them: rate, as a multiple", rate, at_least=of_rate)
    if before:
        load.add(before)
    world.drain()
    invariants.check(world, load, twice_share=None)


def _slice(load: Load, seconds: float) -> list[float]:
    """The latencies of changes acknowledged in the next seconds."""
    first = len(load.acknowledged)
    gevent.sleep(seconds)
    return [one.seconds for one in load.acknowledged[first:]]


@contextmanager
def _locked(world: World, order: Order) -> Iterator[None]:
    with closing(world.database.server.connect(world.database.name)) as connection:
        connection.autocommit = False
        connection.cursor().execute("SELECT FROM orders WHERE id = %s FOR UPDATE", (order.id,))
        yield
        connection.rollback()
