"""The proofs' own PostgreSQL, which can be restarted and disconnected, with a fresh database for each proof."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import gevent
import psycopg2
import psycopg2.extras

from foundation import clock
from launch.account import account_for
from launch.binaries import programs
from launch.cluster import SUPERUSER, Cluster
from launch.postgres import EmbeddedPostgres
from launch.postmaster import PORT

PROJECT = Path(__file__).resolve().parents[1]
SECRET = "the secret of a proof, longer than 32 bytes"
TEMPLATE = "chaos_" + max(one.stem for one in (PROJECT / "migrations" / "versions").glob("0*.py"))
"""Named after the newest migration: an existing folder may contain an older one."""

_numbers = itertools.count(1)


class Server:
    """One PostgreSQL server. A given folder is kept, and its server shared with its other users."""

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="onward-chaos-", dir="/tmp")
        self.folder = folder or Path(self._temporary.name if self._temporary else "")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # PostgreSQL does not run as root: its account has to reach it
        self._postgres = EmbeddedPostgres(self.folder)

    def __enter__(self) -> Self:
        self._postgres.start()
        data = self.folder / "postgres"
        account = account_for(data)
        self.cluster = Cluster(data, account, programs(account, self.folder))
        if not self.sql("SELECT 1 FROM pg_database WHERE datname = %s", TEMPLATE):
            self.sql(f"CREATE DATABASE {TEMPLATE}")
            self._migrate(self.url(TEMPLATE))
        return self

    def __exit__(self, *_: object) -> None:
        self._postgres.stop()
        if self._temporary:
            self._temporary.cleanup()

    def url(self, database: str) -> str:
        """The environment variable for a database."""
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.cluster.socket_dir))}&port={PORT}"

    def sql(self, statement: str, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str) -> psycopg2.extensions.connection:
        """A connection in autocommit."""
        connection: psycopg2.extensions.connection = psycopg2.connect(self.url(database), application_name="chaos")
        connection.autocommit = True
        return connection

    def halt(self) -> None:
        """Stop the server as in a power failure; the data files are recovered at the next start."""
        cluster = self.cluster
        stop = ("stop", "--mode", "immediate", "--pgdata", cluster.folder, "--wait", "--silent")
        cluster.account.run(cluster.programs / "pg_ctl", *stop, cwd=cluster.folder)

    def resume(self) -> float:
        """Start the server again; returns the time when it was ready."""
        self.cluster.bring_up()
        return clock.monotonic()

    def fresh(self, tablespace: str = "") -> Database:
        """A database with the whole schema and nothing in it."""
        name = f"chaos_{os.getpid()}_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}" + (f" TABLESPACE {tablespace}" if tablespace else ""))
        return Database(self, name)

    def _migrate(self, url: str) -> None:
        command = [sys.executable, "-m", "flask", "--app", "cli:create_app", "db", "upgrade"]
        env = {"PATH": os.environ["PATH"], "DATABASE_URL": url, "JWT_SECRET": SECRET}
        subprocess.run(command, cwd=PROJECT, env=env, check=True, capture_output=True)


class Database:
    """The database of one proof."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.url = server.url(name)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own."""
        return self.server.sql(statement, *values, database=self.name)

    def number(self, statement: str, *values: Any) -> int:
        """The one number that a statement returns."""
        return int(self.sql(statement, *values)[0][0] or 0)

    def store(self, table: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Create a table of what the proof recorded, to be compared with what the service wrote."""
        with closing(self.server.connect(self.name)) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
            cursor.execute(f"CREATE TABLE {table} ({columns})")
            psycopg2.extras.execute_values(cursor, f"INSERT INTO {table} VALUES %s", rows, page_size=1000)

    def backends(self, name: str) -> list[int]:
        """The server processes of the service's connections with this purpose."""
        found = self.sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            f"onward {name}",
        )
        return [pid for (pid,) in found]

    def terminate(self, pid: int) -> None:
        """Close one connection from the server's side."""
        self.server.sql("SELECT pg_terminate_backend(%s)", pid)

    def terminate_all(self) -> None:
        """Close every connection of the service."""
        self.server.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE %s",
            self.name,
            "onward %",
        )

    def drop(self) -> None:
        """Drop it, whoever is connected."""
        self.server.sql(f"DROP DATABASE {self.name} WITH (FORCE)")

    def seconds_until(self, statement: str, limit: float) -> float:
        """How long it takes until this statement returns true; infinity after `limit` seconds."""
        begun = clock.monotonic()
        while clock.monotonic() - begun < limit:
            with suppress(psycopg2.OperationalError), closing(self.server.connect(self.name)) as connection:
                cursor = connection.cursor()
                while clock.monotonic() - begun < limit:
                    cursor.execute(statement)
                    if cursor.fetchall()[0][0]:
                        return clock.monotonic() - begun
                    gevent.sleep(0.05)
            gevent.sleep(0.05)
        return float("inf")
