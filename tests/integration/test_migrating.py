"""A migration that finds a table in use blocks nobody, and runs when it can."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import psycopg2

from foundation import db
from tests.conftest import PROJECT, environment


def test_a_migration_waits_behind_nobody_for_long(older):
    """Everybody waits behind a change of a table that itself waits behind somebody's report."""
    older.migrate_as_before("0016")
    command = [sys.executable, "-m", "flask", "db", "upgrade"]
    with closing(psycopg2.connect(older.url)) as report:
        report.cursor().execute("SELECT count(*) FROM outbox")
        with subprocess.Popen(
            command, cwd=PROJECT, env=environment(older.url), stdout=subprocess.PIPE, text=True
        ) as migration:
            assert "A table is in use; trying again (1 of" in migration.stdout.readline()
            report.rollback()
            assert 0 == migration.wait(60)
    assert (db.SCHEMA, True) == older.state
