"""`make demo` moves orders: a newcomer sees it within half a minute."""

from __future__ import annotations

import random

import pytest

from access.tokens import Tokens
from demo.commands import run
from demo.simulate import Simulator
from tests.journeys.server import Server

pytestmark = pytest.mark.journey

SECONDS = 30


def test_in_half_a_minute_at_least_ten_orders_move(server: Server) -> None:
    """As many steps as half a minute has, without the pauses between them."""
    (per_minute,) = [option.default for option in run.params if option.name == "per_minute"]
    before = server.sql("SELECT count(*) FROM order_events WHERE type = 'order.status_changed'")[0][0]
    said: list[str] = []
    simulator = Simulator(server.url, Tokens.of(server.settings), per_minute, said.append, random.Random(33))

    said += [simulator.act() for _ in range(SECONDS * per_minute // 60)]

    after = server.sql("SELECT count(*) FROM order_events WHERE type = 'order.status_changed'")[0][0]
    assert after - before >= 10, said
