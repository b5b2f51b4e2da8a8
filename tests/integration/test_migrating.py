"""A migration that finds a table in use lets everybody else go on, and is made when it can be."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import psycopg2

from tests.conftest import PROJECT, environment


def test_a_migration_waits_behind_nobody_for_long(fresh_database):
    """Everybody waits behind a change of a table that itself waits behind somebody's report."""
    dsn = fresh_database.replace("+psycopg2", "")
    command = [sys.executable, "-m", "flask", "db", "downgrade", "0012"]
    with closing(psycopg2.connect(dsn)) as report:
        report.cursor().execute("SELECT count(*) FROM outbox")
        with subprocess.Popen(
            command, cwd=PROJECT, env=environment(fresh_database), stdout=subprocess.PIPE, text=True
        ) as migration:
            assert "A table is in use; trying again (1 of" in migration.stdout.readline()
            report.rollback()
            assert 0 == migration.wait(60)
    with closing(psycopg2.connect(dsn)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT version_num FROM alembic_version")
        assert ("0012",) == cursor.fetchone()
