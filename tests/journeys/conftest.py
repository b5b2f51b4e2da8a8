"""Real processes: gunicorn with its workers, spoken to over sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.server import Server


@pytest.fixture(scope="session")
def server(served_database: str) -> Iterator[Server]:
    """A running service with two workers, shared by all journeys of this test worker."""
    with Server(served_database) as running:
        yield running


@pytest.fixture
def own_server(fresh_database: str) -> Iterator[Server]:
    """A service of this test's own, to be hurt."""
    with Server(fresh_database) as running:
        yield running
