"""One real PostgreSQL for the whole run, a database per test worker, and the cast of every test."""

from __future__ import annotations

import base64
import functools
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
from foundation.connections import install_wait_callback
from foundation.settings import Settings
from launch.locks import alone
from launch.postgres import EmbeddedPostgres, running_url

PROJECT = Path(__file__).resolve().parents[1]
SECRET = "a test's secret of more than 32 bytes"
WEBHOOK_KEYS = f"test:{base64.b64encode(b'k' * 32).decode()}"
TEMPLATE = "onward_template"
FOLDER = "ONWARD_TEST_FOLDER"
"""Handed on to the test workers, and to a run that a test starts: where the shared server lives, once one needs it."""

_own_server: list[EmbeddedPostgres] = []
_own_folder: list[Path] = []


def pytest_configure(config: pytest.Config) -> None:
    """Name the place of the server, in the process that all others are children of."""
    if FOLDER not in os.environ:
        # PostgreSQL does not run as root: its account has to reach the folder, which pytest's own would forbid.
        folder = Path(tempfile.mkdtemp(prefix="onward-test-"))
        folder.chmod(0o755)
        os.environ[FOLDER] = str(folder)
        _own_folder.append(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give up this process's share of the server; the last one stops it."""
    for server in _own_server:
        server.stop()
    _own_server.clear()
    for folder in _own_folder:
        del os.environ[FOLDER]
        if running_url(folder):  # a test worker that was killed could not stop it
            with EmbeddedPostgres(folder):
                pass
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def server_url() -> str:
    """The server that all test workers share: whoever asks first starts it and makes the template."""
    given = os.environ.get("TEST_DATABASE_URL")
    folder = Path(os.environ[FOLDER])
    if not given:
        _own_server.append(EmbeddedPostgres(folder))
        given = _own_server[0].start()
    made = folder / "template"
    with alone(folder / "template.lock"):
        if not made.exists():
            _ask(given, "postgres", f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
            _ask(given, "postgres", f"CREATE DATABASE {TEMPLATE}")
            migrate(_named(given, TEMPLATE))
            made.touch()
    return given


def url_of(database: str) -> str:
    """The URL of a database on the shared server."""
    return _named(server_url(), database)


def run_sql(statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
    """Run one statement in autocommit, on a connection of its own."""
    return _ask(server_url(), database, statement)


def _named(server: str, database: str) -> str:
    _, _, rest = server.partition("://")
    place, _, options = rest.partition("?")
    return f"postgresql://{place.rsplit('/', 1)[0]}/{database}?{options}"


def _ask(server: str, database: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(_named(server, database))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def environment(database_url: str, **more: str) -> dict[str, str]:
    """The environment of a child process that works on this database."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "FLASK_APP": "cli:create_app",
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
    given = {"DATABASE_URL": database, "JWT_SECRET": SECRET, "LOG_LEVEL": "WARNING", "DEMO": "1"}
    given |= {"WEBHOOK_SECRET_KEYS": WEBHOOK_KEYS, "WEBHOOK_ALLOW_NETS": "127.0.0.0/8"}
    return Settings.from_env({**given, "WEB_CONCURRENCY": "1"})
