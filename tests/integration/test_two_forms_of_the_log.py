"""Processes of this release and of the one before live on one log, until somebody says that the old ones are gone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from cli import init_commands
from foundation import locks
from foundation.connections import PreparedPool
from realtime import packs
from realtime.log import EventLog

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"
BASELINE, PACKED_LOG = ((VERSIONS / name).read_text("utf-8") for name in ("0018_baseline.sql", "0020_packed_log.sql"))
IS_PACKED = "SELECT packed FROM realtime_log"
NOTE = "SELECT obj_description('alembic_version'::regclass)"

OLD_STATE = """SELECT greatest(pruned_through, coalesce((SELECT max(seq) FROM realtime_events), 0)) FROM realtime_log"""
OLD_AFTER = "SELECT seq, channel, type, data FROM realtime_events WHERE seq > %s ORDER BY seq LIMIT 500"
OLD_APPEND = f"""SELECT pg_advisory_xact_lock({locks.APPEND});
    INSERT INTO realtime_events (seq, channel, type, data, order_id)
    SELECT nextval('realtime_seq'), 'seller:1', 'order.created', '{{"n":' || n || '}}', 1
    FROM generate_series(1, 3) AS n"""
"""What the release before reads and writes, as it stands there in realtime/log.sql."""


@pytest.fixture
def log(settings, _green, empty):
    pool = PreparedPool(settings.dsn, 1, "test")
    yield EventLog(pool)
    pool.close()


def events(log, seq):
    return [event for row in log.between(seq) for event in packs.events(row, packs.WithPrefix(""))]


def test_each_reads_what_the_other_writes(in_rows, log, cast, bob, outbox, sql):
    ((before,),) = sql(OLD_STATE)
    order = cast.place()
    outbox.run_until_idle()
    sql(OLD_APPEND)
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()

    read = sql(OLD_AFTER, before)
    assert 3 + 3 + 6 == len(read)
    assert list(range(read[0][0], read[0][0] + 12)) == [seq for seq, *_ in read], "one sequence, and no gap"
    assert read == events(log, before)
    assert [(log.state().head,)] == sql(OLD_STATE)


def test_what_the_release_before_left_is_read_beside_packs(in_rows, onward, log, cast, bob, outbox, sql):
    """Also while some processes pack already and others have not noticed."""
    order = cast.place()
    outbox.run_until_idle()
    numbers = []
    for status, packed in (("CONFIRMED", True), ("PREPARING", False), ("READY", True)):
        onward.realtime.feed.packed = packed
        bob.move(order["id"], status)
        outbox.run_until_idle()
        numbers.append(len(log.between(0)))

    assert [4, 10, 11] == numbers, "3 rows, a pack, 6 rows, a pack"
    read = events(log, 0)
    assert read == sql("SELECT seq, channel, type, data FROM live_events ORDER BY seq")
    assert [seq for seq, *_ in read] == list(range(read[0][0], read[0][0] + 3 + 6 + 6 + 6))


@pytest.mark.parametrize(
    ("used", "connected", "packed"), [(False, False, True), (True, False, False), (False, True, False)], ids=str
)
def test_a_log_is_packed_from_its_first_day_or_when_somebody_says_so(older, used, connected, packed):
    """An old process would show nothing of a packed log, and say nothing about it."""
    older.sql(BASELINE)
    if used:
        older.sql("SELECT nextval('realtime_seq')")
    with closing(psycopg2.connect(older.url, application_name="onward feed" if connected else "a report")):
        older.sql(PACKED_LOG)

    assert [(packed,)] == older.sql(IS_PACKED)


def test_an_operator_says_when_the_old_processes_are_gone(app, onward, sql):
    """From then on one of them that is started nevertheless is not ready: its schema is older than the note says."""
    init_commands(app)
    run = app.test_cli_runner().invoke
    try:
        assert "one by one" in run(args=["live", "pack", "--off"]).output
        assert [(False,)] == sql(IS_PACKED)
        assert sql(NOTE) < [("0020",)]
    finally:
        assert "in packs" in run(args=["live", "pack"]).output
    assert ([(True,)], [("0020",)]) == (sql(IS_PACKED), sql(NOTE))


def test_processes_that_run_notice_it(onward, sql):
    feed = onward.realtime.feed
    sql("UPDATE realtime_log SET packed = false")
    try:
        feed._begin()
        assert onward.engine.writer.statements is onward.engine.forms.rows
    finally:
        sql("UPDATE realtime_log SET packed = true")
    feed._judge()
    assert onward.engine.writer.statements is onward.engine.forms.packs
    feed.position = -1
