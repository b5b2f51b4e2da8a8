"""The whole service behind a PgBouncer in session mode, with nothing special in its configuration; and what it logs."""

from __future__ import annotations

import json

import pytest

from tests.facts import eventually
from tests.journeys.server import Server
from tests.pgbouncer import needs_pgbouncer, pgbouncer

pytestmark = pytest.mark.journey


@needs_pgbouncer
def test_the_service_works_behind_pgbouncer_and_logs_lines_of_json(fresh_database: str) -> None:
    """Changes, wake-ups and effects; and the demo's buttons on all addresses are warned of."""
    with pgbouncer(fresh_database, "session") as url, Server(url, HOST="0.0.0.0") as server:
        order = server.place_order(seller=7, buyer=7)
        with server.stream(server.token("seller", 7)) as stream:
            stream.until_type("hello")
            server.move(order["id"], "CONFIRMED")
            stream.until_type("order.status_changed")
        eventually(server.at_rest)
        assert "wakeups.failed" not in server.log
        server.stop()
        entries = [json.loads(line) for line in server.log.splitlines()]

    assert {"event", "message", "level", "timestamp"} <= set.intersection(*(set(entry) for entry in entries))
    assert any("Booting worker" in entry["message"] for entry in entries if entry["event"] == "gunicorn.error")
    (warning,) = [entry for entry in entries if entry["event"] == "demo.exposed"]
    assert "warning" == warning["level"]
