"""Timed transitions over real processes: whichever process dies meanwhile, each is made once."""

from __future__ import annotations

import os
import signal

import pytest

from orders.workflow_file import DEFAULT
from tests.facts import eventually
from tests.journeys.server import Server

pytestmark = pytest.mark.journey

ORDERS = 12
MOVED = """SELECT count(*), count(DISTINCT order_id) FROM order_events
    WHERE actor_role = 'system' AND to_status = 'COMPLETED'"""


def test_timers_outlive_the_processes_that_set_them(fresh_database, tmp_path):
    table = tmp_path / "soon.toml"
    table.write_text(DEFAULT.read_text().replace('"7 days"', '"2 seconds"'))
    with Server(fresh_database, ORDER_WORKFLOW=str(table)) as server:
        for _ in range(ORDERS):
            order = server.place_order()
            for status in ("CONFIRMED", "PREPARING", "SHIPPED", "DELIVERED"):
                server.move(order["id"], status)
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)

        eventually(lambda: [(ORDERS, ORDERS)] == server.sql(MOVED))
        eventually(server.at_rest)
        assert [(ORDERS * 2,)] == server.sql(
            "SELECT count(*) FROM live_events WHERE type = 'order.status_changed'"
            " AND (data::json -> 'event' -> 'actor' ->> 'role') = 'system'"
        )
        eventually(
            lambda: [(0,)] == server.sql("SELECT count(*) FROM side_effects WHERE status IN ('pending', 'running')")
        )
        assert [(ORDERS, ORDERS)] == server.sql(MOVED)
