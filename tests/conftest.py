"""One real PostgreSQL for the whole run, a database per test worker, and the cast that plays in every test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import psycopg2.extensions
import pytest

from foundation import logs
from foundation.greening import install_wait_callback
from foundation.settings import Settings
from launch.postgres import EmbeddedPostgres

PROJECT = Path(__file__).resolve().parents[1]
SECRET = "a test's secret of more than 32 bytes"
TEMPLATE = "onward_template"
SERVER = "ONWARD_TEST_SERVER"
"""Handed from the controller to the test workers: the URL of the server that all share."""

_own_server: list[tuple[EmbeddedPostgres, Path]] = []


def pytest_configure(config: pytest.Config) -> None:
    """Start the server once, in the process that all test workers are children of."""
    if hasattr(config, "workerinput"):
        return
    given = os.environ.get("TEST_DATABASE_URL")
    if not given:
        # PostgreSQL does not run as root: its account has to reach the folder, which pytest's own would forbid.
        folder = Path(tempfile.mkdtemp(prefix="onward-test-"))
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder)
        _own_server.append((server, folder))
        given = server.start()
    os.environ[SERVER] = given
    run_sql(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
    run_sql(f"CREATE DATABASE {TEMPLATE}")
    migrate(url_of(TEMPLATE))


def pytest_unconfigure(config: pytest.Config) -> None:
    for server, folder in _own_server:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    _own_server.clear()


def url_of(database: str) -> str:
    """The URL of a database on the shared server."""
    _, _, rest = os.environ[SERVER].partition("://")
    place, _, options = rest.partition("?")
    return f"postgresql://{place.rsplit('/', 1)[0]}/{database}?{options}"


def run_sql(statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
    """Run one statement in autocommit, on a connection of its own."""
    with closing(psycopg2.connect(url_of(database))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def environment(database_url: str, **more: str) -> dict[str, str]:
    """The environment of a child process that works on this database."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "FLASK_APP": "app:create_app",
        "DATABASE_URL": database_url,
        "JWT_SECRET": SECRET,
        "DEMO": "1",
    } | more


def migrate(database_url: str) -> None:
    command = [sys.executable, "-m", "flask", "db", "upgrade"]
    subprocess.run(command, cwd=PROJECT, env=environment(database_url), check=True, capture_output=True)


@pytest.fixture(scope="session")
def worker_name() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session", autouse=True)
def _logs() -> None:
    logs.configure("WARNING")


@pytest.fixture(scope="session")
def _green() -> None:
    install_wait_callback()


@pytest.fixture(scope="session")
def database(worker_name: str) -> Iterator[str]:
    """The URL of this worker's own database, with the whole schema and nothing in it."""
    yield from cloned(f"onward_test_{worker_name}")


def cloned(name: str) -> Iterator[str]:
    """The URL of a database of this name, with the whole schema, for as long as it is needed."""
    run_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    run_sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield url_of(name)
    run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def served_database(worker_name: str) -> Iterator[str]:
    """The URL of the database that this test worker's running service works on."""
    yield from cloned(f"onward_served_{worker_name}")


@pytest.fixture
def fresh_database(worker_name: str) -> Iterator[str]:
    """The URL of a database of this test's own."""
    yield from cloned(f"onward_own_{worker_name}")


@pytest.fixture(scope="session")
def settings(database: str) -> Settings:
    return Settings.from_env({"DATABASE_URL": database, "JWT_SECRET": SECRET, "LOG_LEVEL": "WARNING", "DEMO": "1"})
