"""A migration that finds a table in use blocks nobody, and runs when it can; indexes are built while it is in use."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import psycopg2

from foundation.db import SCHEMA
from tests.conftest import PROJECT, environment, migrate
from tests.facts import eventually

PLACE = """INSERT INTO orders (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor,
        currency)
    VALUES (%s, 'PENDING', 1, 1, 'Alice Archer', 'alice@example.org', '[]', 0, 'EUR')"""
INDEX = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('orders_closed_idx')"


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
    assert (SCHEMA, True) == older.state


def test_an_index_is_built_while_orders_are_written(older):
    """A plain CREATE INDEX waits for every writer, and every later writer waits for it."""
    migrate(older.url)
    older.sql("DROP INDEX orders_closed_idx")
    command = [sys.executable, "-m", "flask", "db", "upgrade"]
    with closing(psycopg2.connect(older.url)) as writer:
        writer.cursor().execute(PLACE, ("A-1",))
        with subprocess.Popen(command, cwd=PROJECT, env=environment(older.url)) as migration:
            eventually(lambda: older.sql(INDEX) == [(False,)], within=60)
            older.sql("SET lock_timeout = '1s'; " + PLACE, "A-2")
            writer.commit()
            assert 0 == migration.wait(60)
    assert [(True,)] == older.sql(INDEX)


def test_an_index_that_was_left_unfinished_is_built_again(older):
    migrate(older.url)
    older.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_closed_idx'::regclass")

    migrate(older.url)

    assert [(True,)] == older.sql(INDEX)
