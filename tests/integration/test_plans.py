"""Plans that are made while a table is empty, and kept: they have to be good for a full one too."""

from __future__ import annotations

import json
import re
from contextlib import closing

import psycopg2
import pytest

from foundation.connections import PREPARED_OPTIONS
from orders.effects import timer
from realtime.log import BETWEEN, READ_PAGE, READ_PAGE_OF_ALL, REPLAY, REPLAY_ALL
from side_effects import rows


@pytest.mark.usefixtures("_green")
def test_the_claim_looks_up_what_comes_earlier_by_its_whole_key(settings, empty):
    """By the kind alone it read all rows that wait, for each row that it took."""
    with closing(psycopg2.connect(settings.dsn, options=PREPARED_OPTIONS)) as connection:
        cursor = connection.cursor()
        cursor.execute(rows.CLAIM.prepare)
        cursor.execute(f"EXPLAIN EXECUTE {rows.CLAIM.name} ('a.kind', 10, 1, '2000-01-01', NULL)")
        plan = [line for (line,) in cursor.fetchall()]

    (at,) = [number for number, line in enumerate(plan) if "side_effects_order_idx" in line]
    assert "Index Cond: ((order_id = " in plan[at + 1]


PAGES = {
    READ_PAGE: ("'{seller:1,seller:2}', 5000, 500", ["packs_channel_seq_idx", "events_channel_seq_idx"]),
    READ_PAGE_OF_ALL: ("'seller:', 5000, 500", ["packs_pkey", "events_pkey"]),
    REPLAY: ("'{seller:1,seller:2}', 5000, 19999, 500", ["packs_other_seq_idx", "events_channel_seq_idx"]),
    REPLAY_ALL: ("'seller:', 5000, 19999, 500", ["packs_pkey", "events_pkey"]),
    BETWEEN: ("5000, 19999, 500", ["packs_pkey", "events_pkey"]),
}
LOG = """INSERT INTO realtime_events (seq, channel, type, data)
    SELECT n, 'seller:' || mod(n, 4), 'order.status_changed', '{}' FROM generate_series(1, 20000) AS n;
    INSERT INTO realtime_packs (seq, channel, other, recipe, pieces)
    SELECT 20000 - n, 'seller:' || mod(n, 4), 'buyer:1', 'order.status_changed', '{}'
    FROM generate_series(1, 20000) AS n"""
SEEN = {
    "nothing": "SELECT 1",
    "one seller": """INSERT INTO realtime_events (seq, channel, type, data)
        SELECT n, 'seller:1', 'order.status_changed', '{}' FROM generate_series(1, 500) AS n;
        INSERT INTO realtime_packs (seq, channel, other, recipe, pieces)
        SELECT n, 'seller:1', 'buyer:1', 'order.status_changed', '{}' FROM generate_series(1, 500) AS n;
        ANALYZE realtime_events, realtime_packs; DELETE FROM realtime_events; DELETE FROM realtime_packs""",
}


@pytest.mark.usefixtures("_green")
@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("statement", PAGES, ids=lambda statement: statement.name)
def test_a_page_of_the_log_reads_itself_and_not_all_that_comes_after_it(settings, empty, statement, seen):
    """Sorted as a whole, each page of a replay cost all that was behind its cursor: 66 ms with 20,000 events. And where
    PostgreSQL had seen the log of a young shop, it walked past the events of all others."""
    values, indexes = PAGES[statement]
    with closing(psycopg2.connect(settings.dsn, options=PREPARED_OPTIONS)) as connection:
        cursor = connection.cursor()
        cursor.execute(SEEN[seen])
        cursor.execute(LOG)
        cursor.execute(statement.prepare)
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE {statement.name} ({values})")
        plan = cursor.fetchone()[0]

    assert all(index in json.dumps(plan) for index in indexes)
    assert read_by(plan) <= 2001, "a page of each index that is asked"
    assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] <= 150


BACKLOG = """INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
    SELECT 'order', -n, -n, 63, '', 9, clock_timestamp() + interval '1 h' FROM generate_series(1, 20000) AS n"""
TIMERS = f"""INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, scheduled_at)
    SELECT '{timer.KIND}', '{timer.DESTINATION}', '{timer.TIMER_EVENT_TYPE}', -n, -n, '',
        clock_timestamp() + interval '7 d'
    FROM generate_series(1, 20000) AS n"""


def read_by(plan):
    """The most rows that one step of a plan has read."""
    text = json.dumps(plan)
    return max(
        int(float(rows)) for rows in re.findall(r'"(?:Actual Rows|Rows Removed by [A-Za-z ]+)": ([0-9.]+)', text)
    )


@pytest.mark.usefixtures("_green")
@pytest.mark.parametrize("left", ["nothing is left", "something is left"])
def test_a_batch_reads_what_it_completes_and_not_the_backlog(settings, onward, cast, bob, outbox, sql, left):
    """Joined to the outbox and to the timers, each batch read all of both, however large they had grown."""
    order = cast.place()
    outbox.run_until_idle()
    with closing(psycopg2.connect(settings.dsn, options=PREPARED_OPTIONS)) as connection:
        cursor = connection.cursor()
        complete = onward.engine.writer.statements.everything
        cursor.execute(complete.prepare)
        cursor.execute(complete.execute, ([], []))
        connection.commit()
        for status in ("CONFIRMED", "PREPARING", "SHIPPED", "DELIVERED", "RETURN_REQUESTED"):
            (cast.alice if status == "RETURN_REQUESTED" else bob).move(order["id"], status, "chipped")
        ids = [id for (id,) in sql("SELECT id FROM outbox")]
        sql(BACKLOG)
        sql(TIMERS)
        cursor.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {complete.execute.partition(';')[2]}",
            ([], ids) if left == "something is left" else (ids, []),
        )
        plan = cursor.fetchone()[0]
        connection.commit()

    assert 5 <= read_by(plan) <= 100


def test_what_is_parked_is_not_looked_over_again_and_again(settings, onward, empty, sql):
    """A mail server that is sick for a day has a million mails parked; each look read all of them, twice a second."""
    sql(TIMERS.replace("+ interval '7 d'", "- interval '1 min'"))
    sql("INSERT INTO circuits (destination, paused) VALUES (%s, true)", timer.DESTINATION)
    worker = onward.engine.worker
    assert 0 == worker.look()
    with closing(psycopg2.connect(settings.dsn, options=PREPARED_OPTIONS)) as connection:
        cursor = connection.cursor()
        cursor.execute(rows.CLAIM.prepare)
        claim = f"EXPLAIN (ANALYZE, FORMAT JSON) {rows.CLAIM.execute}"
        cursor.execute(claim, (timer.KIND, 10, 1, worker._lower_bounds[timer.KIND], None))
        plan = cursor.fetchone()[0]

    assert read_by(plan) <= 100
    sql("UPDATE circuits SET paused = false")
    assert worker.look() > 0, "it is found again when the circuit closes"
    onward.engine.wait_until_quiet()


DONE = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status)
    SELECT 'email.status', 'mail-server', 'order', -n, -n, 'succeeded' FROM generate_series(1, 20000) AS n"""
BY_ID = "ARRAY[1, 2]::bigint[]"
ASKED = {
    rows.RECORD: f"{BY_ID}, '{{1,1}}', '{{1,1}}', '{{succeeded,succeeded}}', '{{0,0}}', '{{,}}', '{{,}}', '{{0,0}}'",
    rows.RENEW: f"{BY_ID}, 1",
    rows.RESCUE: "10",
    rows.PROBE: "'mail-server', 'email.status', 1",
}


def scans(node, relation):
    """The steps of a plan that read this table."""
    found = [node] if node.get("Relation Name") == relation and "Scan" in node["Node Type"] else []
    return found + [scan for child in node.get("Plans", ()) for scan in scans(child, relation)]


@pytest.mark.usefixtures("_green")
@pytest.mark.parametrize("statement", ASKED, ids=lambda statement: statement.name)
def test_no_index_is_read_from_end_to_end(settings, empty, statement):
    """It holds the dead rows of somebody's long snapshot too: completing took 6 ms at 100,000 of them."""
    with closing(psycopg2.connect(settings.dsn, options=PREPARED_OPTIONS)) as connection:
        cursor = connection.cursor()
        cursor.execute(DONE)
        cursor.execute("ANALYZE side_effects")
        cursor.execute(statement.prepare)
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {statement.name} ({ASKED[statement].replace('{,}', '{a,b}')})")
        (plan,) = cursor.fetchone()[0]

    assert [] == [
        scan for scan in scans(plan["Plan"], "side_effects") if not {"Index Cond", "Recheck Cond"} & scan.keys()
    ]
