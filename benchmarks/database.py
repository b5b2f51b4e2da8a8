"""The PostgreSQL that all contenders share, and a database for each of them with the same orders in it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg2

from launch.postgres import EmbeddedPostgres
from launch.postmaster import find_postmaster

PROJECT = Path(__file__).resolve().parents[1]
SECRET = secrets.token_hex(32)
GIVEN = "BENCH_DATABASE_URL"
PREFIX = "onward_bench_"
SELLERS = 20

ITEMS = """[{"sku":"MUG-$","title":"Stoneware mug, hand-glazed","quantity":2,"unit_price_minor":1850},
{"sku":"TEA-$","title":"Darjeeling first flush, 250 g","quantity":1,"unit_price_minor":2490},
{"sku":"TIN-$","title":"Tea tin with a lid of beech wood","quantity":1,"unit_price_minor":1600}]""".replace("\n", "")
SEED = f"""
INSERT INTO orders
    (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency)
SELECT 'B-' || n, 'PENDING', 1 + n % {SELLERS}, 1 + n % 1000, 'Buyer ' || n % 1000,
       'buyer' || n % 1000 || '@example.com', replace('{ITEMS}', '$', (n % 97)::text)::json, 7790, 'EUR'
FROM generate_series(1, ORDERS) AS n ORDER BY n
"""

NUMBERED = {"order_events": "id", "notifications": "id", "messages": "id", "realtime_events": "seq"}
"""What a change writes, and the column that grows."""

PACKS = "realtime_packs"
PACKED = f"""(SELECT coalesce(sum(1 + length(recipe) - length(replace(recipe, ';', ''))), 0)::bigint
    FROM {PACKS} WHERE seq > MARK)"""
"""The live events in rows of several; a commit that is measured against may know no such rows."""


@dataclass(frozen=True)
class Rows:
    """How many rows there are of what a change writes; live events, not their rows."""

    events: int
    notifications: int
    messages: int
    live: int
    outbox: int

    def times(self, count: int) -> Rows:
        """The rows that this many changes leave."""
        return Rows(*(value * count for value in astuple(self)))


class Server:
    """One PostgreSQL server: ours in a temporary folder, or the one that BENCH_DATABASE_URL names."""

    def __init__(self) -> None:
        self._url = os.environ.get(GIVEN, "")
        self._folder = Path()
        self._embedded: EmbeddedPostgres | None = None
        self._databases: list[Database] = []

    def __enter__(self) -> Self:
        if not self._url:
            self._folder = Path(tempfile.mkdtemp(prefix="onward-bench-"))
            # PostgreSQL does not run as root: its account has to reach the folder.
            self._folder.chmod(0o755)
            self._embedded = EmbeddedPostgres(self._folder)
            try:
                self._url = self._embedded.start()
            except BaseException:
                self._remove()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for database in self._databases:
            database.close()
            if self._embedded is None:
                self._run(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")
        self._remove()

    @property
    def pids(self) -> list[int]:
        """The postmaster, if it is ours to measure."""
        running = find_postmaster(self._folder.resolve() / "postgres") if self._embedded else None
        return [running.pid] if running else []

    @property
    def version(self) -> str:
        return str(self._run("SHOW server_version")[0][0])

    def url_of(self, name: str) -> str:
        head, _, rest = self._url.partition("://")
        place, _, options = rest.partition("?")
        return f"{head}://{place.rsplit('/', 1)[0]}/{name}?{options}".removesuffix("?")

    def create(self, name: str, orders: int, project: Path = PROJECT, like: Database | None = None) -> Database:
        """A database with the schema of that checkout and this many orders; a copy of `like` if that is given."""
        name = PREFIX + name
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        if like is not None:
            like.close()
        self._run(f"CREATE DATABASE {name}" + (f" TEMPLATE {like.name}" if like else ""))
        database = Database(name, self.url_of(name), orders)
        self._databases.append(database)
        if like is None:
            database.migrate(project)
            database.run(SEED.replace("ORDERS", str(orders)))
        database.run("VACUUM ANALYZE")
        return database

    def checkpoint(self) -> None:
        """Write everything to disk now, so that no contender pays for the preparation."""
        self._run("CHECKPOINT")

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.url_of("postgres").replace("+psycopg2", ""))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def _remove(self) -> None:
        if self._embedded is not None:
            self._embedded.stop()
            shutil.rmtree(self._folder, ignore_errors=True)


class Database:
    """One contender's own database; they share nothing but the server."""

    def __init__(self, name: str, url: str, orders: int) -> None:
        self.name = name
        self.url = url
        self.orders = orders
        self.old_entries = 0
        """Outbox rows up to this id are a backlog that must not be worked on."""
        self._marks: tuple[int, ...] = ()
        self._packs: int | None = None
        self._connection: psycopg2.extensions.connection | None = None

    @property
    def dsn(self) -> str:
        return self.url.replace("+psycopg2", "")

    def environment(self, project: Path = PROJECT, **more: str) -> dict[str, str]:
        """The environment of a process that works on this database; each checkout sets what `flask` needs by itself."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(project),
            "DATABASE_URL": self.url,
            "JWT_SECRET": SECRET,
            "LOG_LEVEL": "WARNING",
        } | more

    def migrate(self, project: Path) -> None:
        command = [sys.executable, "-m", "flask", "db", "upgrade"]
        subprocess.run(command, cwd=project, env=self.environment(project), check=True, capture_output=True)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement in autocommit."""
        if self._connection is None:
            self._connection = psycopg2.connect(self.dsn)
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def put_back(self) -> None:
        """Reset all orders to the first status."""
        self.run("UPDATE orders SET status = 'PENDING', prev_status = NULL, open = true WHERE status <> 'PENDING'")
        self.run("VACUUM orders")

    def mark(self) -> None:
        """Count from here on."""
        newest = ", ".join(f"coalesce((SELECT max({id}) FROM {table}), 0)" for table, id in NUMBERED.items())
        self._marks = self.run(f"SELECT {newest}")[0]
        knows_packs = self.run(f"SELECT to_regclass('{PACKS}')")[0][0]
        self._packs = self.run(f"SELECT coalesce(max(seq), 0) FROM {PACKS}")[0][0] if knows_packs else None

    def rows(self) -> Rows:
        """Count what was written since the mark, and what of it the outbox still holds."""
        marks = zip(NUMBERED.items(), self._marks, strict=True)
        counts = ", ".join(f"(SELECT count(*) FROM {table} WHERE {id} > {mark})" for (table, id), mark in marks)
        if self._packs is not None:
            counts += f" + {PACKED.replace('MARK', str(self._packs))}"
        return Rows(*self.run(f"SELECT {counts}, (SELECT count(*) FROM outbox WHERE id > {self.old_entries})")[0])

    @property
    def has_nothing_pending(self) -> bool:
        return not self.run(f"SELECT EXISTS (SELECT FROM outbox WHERE id > {self.old_entries})")[0][0]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
