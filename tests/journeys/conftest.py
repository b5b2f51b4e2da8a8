"""Real processes: gunicorn with its workers, spoken to over sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.journeys.browsers import ARGUMENTS, CHROMIUM, Visitors, fresh_number
from tests.journeys.server import Server, free_port
from tests.journeys.tabs import Shop
from tests.journeys.ways import WAYS

FOREIGN_PORT = free_port()
"""Where pages of another origin are served that may read what `server` shares with it."""


@pytest.fixture(scope="session")
def server(served_database: str) -> Iterator[Server]:
    """A running service with two workers, shared by all journeys of this test worker."""
    with Server(served_database, CORS_ORIGINS=f"http://127.0.0.1:{FOREIGN_PORT}") as running:
        yield running


@pytest.fixture
def own_server(fresh_database: str) -> Iterator[Server]:
    """A service of this test's own, to be hurt."""
    with Server(fresh_database) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One chromium for all journeys of this test worker; it ends with the last of them."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)


@pytest.fixture
def visitors(browser: Browser, server: Server) -> Iterator[Visitors]:
    visitors = Visitors(browser, server.url)
    yield visitors
    visitors.close()
    assert [] == visitors.complaints


@pytest.fixture
def order(server: Server) -> Any:
    """A new order that Alice placed with Bob."""
    return server.place_order(number=fresh_number())


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Every test that asks for it is played on both ways that a stream can take."""
    way: str = request.param
    return way


@pytest.fixture
def shop(server: Server) -> Shop:
    """A seller of this test's own, with one order."""
    return Shop.opened(server)
