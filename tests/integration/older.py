"""A database as the versions before the baseline created and filled it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from migrations import before_baseline

ROWS = Path(__file__).with_name("before_baseline.sql").read_text()
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
STATE = "SELECT version_num, to_regclass('order_words') IS NULL FROM alembic_version"


class OlderDatabase:
    """Asked directly, by no version of the service."""

    def __init__(self, url: str) -> None:
        self.url = url

    def sql(self, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, args or None)
                return cursor.fetchall() if cursor.description else []

    def migrate_as_before(self, revision: str) -> None:
        """Run the migrations as they were, up to this one."""
        engine = create_engine(self.url.replace("://", "+psycopg2://"), poolclass=NullPool)
        with engine.begin() as connection:
            before_baseline.upgrade(connection, revision)

    def fill(self, revision: str) -> None:
        """Have rows in every table, at this revision."""
        self.migrate_as_before("0013")
        self.sql(ROWS)
        self.migrate_as_before(revision)

    def rows(self) -> dict[str, list[Any]]:
        """All rows, by table, each as its columns and their values."""
        tables = [name for (name,) in self.sql(TABLES)]
        return {table: [row for (row,) in self.sql(f"SELECT to_jsonb(t) FROM {table} t")] for table in tables}

    @property
    def state(self) -> tuple[Any, ...]:
        """Its revision, and whether its tables have their names of today."""
        return self.sql(STATE)[0]
