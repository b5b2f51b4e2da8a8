"""What the generators need: `make contract` installs it, and names this folder, which `make test` leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.server import Server


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Left out unless it is named: it needs packages of other registries, and takes a minute."""
    return None if any(Path(__file__).parent.name in one for one in config.args) else True


@pytest.fixture(scope="session")
def server(served_database: str) -> Iterator[Server]:
    """A running service, which all generated clients talk to."""
    with Server(served_database) as running:
        yield running
