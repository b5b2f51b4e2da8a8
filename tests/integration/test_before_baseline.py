"""A database from before the baseline is carried over: nothing in it is lost, and what was pending is done."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from contextlib import closing

import flask_migrate
import psycopg2
import pytest

from app import build_app
from foundation import db, locks
from migrations import before_baseline
from orders.signals import order_status_changed
from process import onward_of
from tests.conftest import PROJECT, environment
from tests.facts import eventually
from tests.integration.conftest import Outbox, send_through

pytestmark = pytest.mark.usefixtures("_green")

RELEASED = {"a86a005": "0013", "bc7f14c": "0016", "the day of the baseline": "0017"}
RENAMED = {
    "order_words": "order_search",
    "sign_in_tries": "sign_in_attempts",
    "outbox.topic": "event_type",
    "outbox.subject_id": "event_id",
    "outbox.ref": "order_id",
    "side_effects.topic": "event_type",
    "side_effects.subject_id": "event_id",
    "side_effects.ref": "order_id",
    "order_events.promised": "effect_bits",
    "order_words.words": "document",
    "api_keys.subject_id": "principal_id",
    "people.subject_id": "principal_id",
    "stream_tickets.subject_id": "principal_id",
    "stream_tickets.proof": "credential",
    "stream_tickets.proof_ends": "credential_expires",
}
CATALOGUE = """
    SELECT 'column', attrelid::regclass::text, attname::text, row_number() OVER (PARTITION BY attrelid ORDER BY attnum),
        concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attcollation,
            pg_get_expr(adbin, adrelid))
    FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
    WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)
    UNION ALL SELECT 'relation', relname::text, relkind::text, 0, reloptions::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname::text, 0, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', tablename::text, indexname::text, 0, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'function', proname::text, '', 0, pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname::text, 0, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal
    UNION ALL SELECT 'sequence', sequencename::text, data_type::text, increment_by, concat_ws(' ', min_value, max_value,
        start_value, cache_size, cycle) FROM pg_sequences WHERE schemaname = 'public'
    ORDER BY 1, 2, 3, 4, 5"""

heard = []


def hear(event, **_):
    heard.append(event.to_status)


@pytest.fixture
def service(older, settings):
    """The service of today on that database, with nothing running in it."""
    app = build_app(dataclasses.replace(settings, database_url=older.url.replace("://", "+psycopg2://")))
    db.init_commands(app)
    yield app
    onward_of(app).stop()


@pytest.fixture
def upgrade(service):
    """`flask db upgrade`, in this process."""

    def upgrade(command=flask_migrate.upgrade):
        with service.app_context():
            command()

    return upgrade


@pytest.fixture(params=RELEASED.values(), ids=RELEASED)
def filled(request, older):
    """A database of one version of before, with rows in every table."""
    older.fill(request.param)
    return older


def renamed(table, row):
    return {RENAMED.get(f"{table}.{column}", column): value for column, value in row.items()}


def test_the_baseline_is_what_the_migrations_of_before_make(older, upgrade, fresh_database):
    """Both with the migrations since, which are the same ones."""
    older.migrate_as_before(before_baseline.BASELINE)
    upgrade()
    with closing(psycopg2.connect(fresh_database)) as connection, connection.cursor() as cursor:
        cursor.execute(CATALOGUE)
        baseline = cursor.fetchall()

    assert older.sql(CATALOGUE) == baseline
    assert 300 < len(baseline)


def test_a_database_of_before_keeps_every_row(filled, upgrade):
    before = filled.rows()
    assert [] == [table for table, rows in before.items() if not rows], "the test has rows in every table"

    upgrade()
    upgrade()  # at the next start there is nothing left to do

    now = filled.rows()
    assert {RENAMED.get(table, table) for table in before} <= set(now), "a migration since may have added some"
    for table, rows in before.items():
        expected = [renamed(table, row) for row in rows]
        kept = [{column: row[column] for column in expected[0]} for row in now[RENAMED.get(table, table)]]
        assert sorted(map(str, expected)) == sorted(map(str, kept)), table


def test_what_was_pending_is_done(filled, upgrade, service, settings):
    upgrade()
    heard.clear()
    order_status_changed.connect(hear)
    try:
        outbox = Outbox(onward_of(service), filled.sql)
        outbox.look()
        outbox.try_again()
        outbox.try_again()
    finally:
        order_status_changed.disconnect(hear)

    assert [] == outbox.rows
    assert ["PENDING", "CONFIRMED"] == heard, "the retry, then the entry of the outbox: in the order of the events"
    bob = send_through(service, settings).bob
    assert "A-1" in str(bob.get("/api/notifications").json["notifications"][0])
    assert "PREPARING" == bob.move(1, "PREPARING").json["status"]
    assert ["A-2"] == [order["number"] for order in bob.get("/api/orders?q=a-2").json["orders"]]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("CREATE TABLE orders (id int)", "has tables (orders) but no revision"),
        (
            "CREATE TABLE alembic_version AS SELECT '0999' AS version_num",
            "is at 0999, which this version does not know",
        ),
        (
            "CREATE TABLE alembic_version AS SELECT unnest(ARRAY['0013', 'b7e1']) AS version_num",
            "is at 0013, b7e1, which this version does not know",
        ),
    ],
    ids=["of another program", "of a newer version", "at two revisions"],
)
def test_what_is_not_recognised_is_refused_in_a_line(older, upgrade, caplog, state, sentence):
    older.sql(state)
    before = older.sql(CATALOGUE)

    with pytest.raises(SystemExit, match="1"):
        upgrade()

    assert sentence in caplog.messages[-1]
    assert "\n" not in caplog.messages[-1]
    assert before == older.sql(CATALOGUE)


def test_only_an_upgrade_carries_it_over(older, upgrade, caplog):
    older.migrate_as_before("0016")

    with pytest.raises(SystemExit, match="1"):
        upgrade(flask_migrate.current)

    assert "is at 0016, before the baseline: run `flask db upgrade`" in caplog.messages[-1]
    assert ("0016", False) == older.state


def test_nothing_goes_back(older, upgrade, caplog):
    """What a version wrote since would have no place; the version before works with the schema as it is."""
    upgrade()

    with pytest.raises(SystemExit, match="1"):
        upgrade(lambda: flask_migrate.downgrade(revision="base"))

    assert "No migration goes back" in caplog.messages[-1]


def test_processes_of_before_are_to_be_stopped_first(older, upgrade, caplog):
    """They know the old names only: their clients would hear 500 until somebody stops them."""
    older.migrate_as_before("0016")
    with closing(psycopg2.connect(older.url)) as living:
        living.cursor().execute("SELECT pg_advisory_lock(%s, 17)", [locks.PROCESSES])
        with pytest.raises(SystemExit, match="1"):
            upgrade()
    assert "Stop the service first: 1 of its processes" in caplog.messages[-1]
    assert ("0016", False) == older.state

    upgrade()
    assert (db.SCHEMA, True) == older.state


def test_killed_half_way_it_has_changed_nothing_and_another_process_carries_it_over(older):
    """Both were started at once, as by two machines."""
    older.migrate_as_before("0016")
    command = [sys.executable, "-m", "flask", "db", "upgrade"]
    half_way = """SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE NOT granted AND relation = 'stream_tickets'::regclass"""
    with closing(psycopg2.connect(older.url)) as report:
        report.cursor().execute("SELECT count(*) FROM stream_tickets")
        started = {
            name: subprocess.Popen(command, cwd=PROJECT, env=environment(older.url, PGAPPNAME=name))
            for name in ("one", "another")
        }
        ((first,),) = eventually(lambda: older.sql(half_way), within=60)
        killed = started.pop(first)
        killed.kill()
        killed.wait()
        assert ("0016", False) == older.state
    (other,) = started.values()

    assert 0 == other.wait(60)
    assert (db.SCHEMA, True) == older.state
