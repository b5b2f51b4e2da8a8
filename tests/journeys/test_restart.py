"""A service with a single worker is restarted: nobody is refused, no count is lost."""

from __future__ import annotations

import os
import signal

import pytest
import requests

from tests.conftest import PROJECT
from tests.facts import eventually
from tests.journeys.server import Server

pytestmark = pytest.mark.journey

SLOW_SHOP = """import os, time

from orders.signals import order_status_changed

while not os.path.exists(os.environ["GATE"]):
    time.sleep(0.01)


@order_status_changed.connect
def receive(event, **_):
    pass
"""


def changes(server):
    """How many changes the signal was sent for, a creation included, by all workers that ever lived."""
    line = 'onward_side_effect_attempts_total{kind="signal.order_status_changed",outcome="succeeded"} '
    said = requests.get(f"{server.url}/metrics", timeout=5).text
    return sum(float(one.removeprefix(line)) for one in said.splitlines() if one.startswith(line))


def test_the_only_worker_serves_until_its_successor_does(fresh_database, tmp_path):
    """The successor takes as long to start as its receivers take to be imported: here, as long as the gate is shut."""
    (tmp_path / "slow_shop.py").write_text(SLOW_SHOP)
    (gate := tmp_path / "gate").touch()
    path = os.pathsep.join((str(PROJECT), str(tmp_path)))
    with Server(fresh_database, workers=1, RECEIVERS="slow_shop", PYTHONPATH=path, GATE=str(gate)) as server:
        order, (old,) = server.place_order(), server.workers()
        gate.unlink()
        os.kill(server.pid, signal.SIGHUP)
        eventually(lambda: len(server.workers()) == 2)
        for status in ("CONFIRMED", "PREPARING"):
            assert 200 == requests.get(f"{server.url}/readyz", timeout=5).status_code
            server.move(order["id"], status)
        eventually(lambda: changes(server) == 3)
        assert old in server.workers()

        gate.touch()
        eventually(lambda: old not in server.workers())
        server.http.close()  # its connection was the old one's
        server.move(order["id"], "READY")
        eventually(lambda: changes(server) == 4)
