"""nginx, Caddy and HAProxy, as deploy/proxies has them, in front of the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlencode

import psutil
import pytest

from access import throttle
from tests.facts import eventually
from tests.journeys import proxies
from tests.journeys.proxies import Proxy
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("proxies")]

ITEMS = [
    {"sku": f"MUG-{n}", "title": f"Blue stoneware mug, {n}", "quantity": 1, "unit_price_minor": 1} for n in range(30)
]
"""So many that the order is worth compressing."""


@pytest.fixture(scope="module")
def behind(served_database: str) -> Iterator[Server]:
    """A service that is told of one proxy in front."""
    with Server(served_database, workers=1, TRUSTED_PROXIES="1") as running:
        yield running


@pytest.fixture(scope="module", params=proxies.PROGRAMS)
def proxy(request: pytest.FixtureRequest, behind: Server) -> Iterator[Proxy]:
    if not proxies.installed(request.param):
        pytest.skip(f"{request.param} is not installed.")
    with proxies.running(request.param, f"127.0.0.1:{behind.port}") as running:
        # HAProxy lets nobody in before it has seen that the service is ready.
        eventually(lambda: running.send("GET", "/livez", {}).status == 200)
        yield running


def test_the_tag_of_a_compressed_read_names_the_version_to_change(behind: Server, proxy: Proxy) -> None:
    """nginx and HAProxy make it weak, and nobody could ever change anything with it."""
    order = behind.place_order(items=ITEMS)
    path = f"/api/orders/{order['id']}"
    headers = {"Authorization": f"Bearer {behind.token('operator', 1)}", "Accept-Encoding": "gzip"}
    read = proxy.send("GET", path, headers)
    assert (200, "gzip") == (read.status, read.headers["content-encoding"])
    tag = read.headers["etag"]
    assert 304 == proxy.send("GET", path, headers | {"If-None-Match": tag}).status

    change = headers | {"Content-Type": "application/json", "If-Match": tag}
    assert 200 == proxy.send("PATCH", f"{path}/status", change, '{"status": "CONFIRMED"}').status
    assert 412 == proxy.send("PATCH", f"{path}/status", change, '{"status": "PREPARING"}').status


def test_a_live_event_comes_through_while_the_stream_is_open(behind: Server, proxy: Proxy) -> None:
    order = behind.place_order(seller=40, buyer=40)
    with closing(proxy.connect()) as connection:
        token = behind.token("seller", 40)
        connection.request(
            "GET", "/api/stream", headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
        )
        stream = connection.getresponse()
        assert 200 == stream.status
        heard = iter(stream.readline, b"")
        assert next(line for line in heard if b"event: hello" in line)
        behind.move(order["id"], "CONFIRMED")
        assert next(line for line in heard if b"event: order.status_changed" in line)


INSIDE = ("/metrics", "/metrics/", "//metrics", "/%6detrics", "/api/ops/keys", "//api/ops/keys", "/api/%6fps/keys")


@pytest.mark.parametrize("path", [*INSIDE, "/api//ops/keys", "/x/../metrics", "/docs/metrics", "/docs/api/ops/keys"])
def test_what_is_for_the_inside_stays_there(behind: Server, proxy: Proxy, path: str) -> None:
    """However it is spelled, and whatever prefix a stranger claims to come by."""
    headers = {"Authorization": f"Bearer {behind.token('operator', 1)}"}

    for prefix in ({}, {"SCRIPT_NAME": "/docs"}, {"Script_Name": "/docs"}):
        assert proxy.send("GET", path, headers | prefix).status in (400, 404)


def test_a_stranger_is_counted_by_the_address_that_he_has(behind: Server, proxy: Proxy) -> None:
    """Not by the one that he writes down, or he would have as many tries as there are addresses."""
    behind.sql("DELETE FROM sign_in_attempts")
    his, claimed = "127.0.0.5", "203.0.113.9"
    page = proxy.send("GET", "/sign-in", {}, source=his)
    token = re.findall(rb'name="csrf_token" value="([^"]+)"', page.body)[0].decode()
    form = urlencode({"csrf_token": token, "email": "olive@example.org", "password": "not hers at all"})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": page.cookies,
        "Referer": f"https://127.0.0.1:{proxy.port}/sign-in",
        "X-Forwarded-For": claimed,
    }
    assert 401 == proxy.send("POST", "/sign-in", headers, form, source=his).status

    counted = {bytes(key) for (key,) in behind.sql("SELECT key FROM sign_in_attempts")}
    assert throttle._hash("address", his) in counted
    assert throttle._hash("address", claimed) not in counted


def test_the_connections_to_the_service_are_kept(behind: Server, proxy: Proxy) -> None:
    """A change should not wait for a handshake first."""
    headers = {"Authorization": f"Bearer {behind.token('operator', 1)}"}
    proxy.send("GET", "/api/me", headers)
    before = from_the_proxy(behind)
    assert before
    for _ in range(5):
        assert 200 == proxy.send("GET", "/api/me", headers).status

    assert before & from_the_proxy(behind), "the same ones as before"


def from_the_proxy(behind: Server) -> set[int]:
    """The other ends of the worker's connections."""
    (worker,) = behind.workers()
    connections = psutil.Process(worker).net_connections("tcp")
    return {one.raddr.port for one in connections if one.laddr.port == behind.port and one.status == "ESTABLISHED"}
