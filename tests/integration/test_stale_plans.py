"""Plans from before a bulk import: each batch reads by keys, whatever PostgreSQL's statistics say."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from foundation.connections import PREPARED_OPTIONS
from notifications.rules import NotificationRule, Way
from orders.effects import due
from orders.effects.source import LOAD
from orders.workflow_notices import Notices
from outbox import rescue
from side_effects import rows
from side_effects.kinds import Kind
from side_effects.retry import SUCCEEDED
from tests.integration.test_plans import scans

TABLES = ("outbox", "side_effects", "orders", "order_events", "order_reasons", "messages", "notifications")

BATCH = 500

PLACED = """WITH placed AS (
    INSERT INTO orders (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency)
    SELECT 'N-' || n || '-' || clock_timestamp(), 'PENDING', n %% 20, n %% 30, 'Alice Archer', 'alice@example.org',
        '[]', 100, 'EUR' FROM generate_series(1, %s) AS n RETURNING id, seller_id, buyer_id)
INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, seller_id, buyer_id,
    idempotency_key, request_id)
SELECT id, version, 'order.created', 'PENDING', 'service', 1, seller_id, buyer_id, 'placed-' || id || '-' || version, ''
FROM placed CROSS JOIN generate_series(1, %s) AS version"""
OUTBOX = """INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
    SELECT 'order', id, order_id, %s, '', 9, clock_timestamp() + interval '1 h' FROM order_events
    WHERE id > (SELECT coalesce(max(event_id), 0) FROM outbox) ORDER BY id RETURNING id"""


@pytest.fixture(params=["nothing", "170 orders"])
def known(request, settings, onward, _green, sql):
    """A connection as the bulkheads have it, whose plans are made by what PostgreSQL knew before the import."""
    with closing(psycopg2.connect(settings.dsn, options=PREPARED_OPTIONS)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        complete = onward.engine.writer.statements.everything
        if request.param == "170 orders":
            sql(PLACED, 170, 3)
            entries = sql(OUTBOX, onward.engine.event_types["order"].everything)
            cursor.execute(complete.prepare)
            cursor.execute(complete.execute, ([id for (id,) in entries], []))
            cursor.execute("DEALLOCATE ALL")
            sql("ANALYZE " + ", ".join(TABLES))
        yield cursor
    sql("TRUNCATE " + ", ".join(TABLES))
    sql("ANALYZE " + ", ".join(TABLES))


def read_of_tables(node):
    """The most rows that one step of a plan has read of a table, over all its turns."""
    removed = sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
    mine = (node.get("Actual Rows", 0) + removed) * node.get("Actual Loops", 0)
    return max(
        [
            mine if "Scan" in node["Node Type"] and "Relation Name" in node else 0,
            *map(read_of_tables, node.get("Plans", ())),
        ]
    )


@pytest.mark.parametrize("left", ["nothing is left", "something is left"])
def test_a_batch_after_an_import_reads_what_it_completes(known, onward, sql, left):
    """Joined, 500 entries of 8,500 took a hundred million comparisons: no effect of any shop happened for 43 s."""
    complete = onward.engine.writer.statements.everything
    known.execute(complete.prepare)
    known.execute(complete.execute, ([], []))
    sql(PLACED, 1500, 3)
    ids = [id for (id,) in sql(OUTBOX, onward.engine.event_types["order"].everything)]
    batch = ids[1000 : 1000 + BATCH]
    known.execute(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {complete.execute.partition(';')[2]}",
        ([], batch) if left == "something is left" else (batch, []),
    )
    (plan,) = known.fetchone()[0]

    assert BATCH <= read_of_tables(plan["Plan"]) <= BATCH * 3, "as many as those orders have"


WAITING = Notices(
    {("SHIPPED", "buyer"): NotificationRule((Way("inbox"), Way("email", 600)))}, {("SHIPPED", "buyer"): "Shipped"}
)
JUDGED = rows.ClaimStatements.of(
    [Kind("email.status", lambda _: SUCCEEDED, no_longer_due=due.no_longer_due(WAITING))],
)
BY_ID = "ARRAY[1, 2]::bigint[]"
ASKED = {
    LOAD: BY_ID,
    rescue.CLAIM: "1, 500, 10, true, '{order}', '{63}'",
    rescue.RENEW: f"{BY_ID}, 1",
    rescue.HAND_BACK: f"{BY_ID}, 1",
    rows.CLAIM: "'email.status', 10, 1, '2000-01-01', NULL",
    rows.WITHDRAW: "'email.status', 10, '2000-01-01'",
    replace(JUDGED.due, name="claim_judged"): "'email.status', 10, 1, '2000-01-01', NULL",
    replace(JUDGED.withdraw, name="withdraw_judged"): "'email.status', 10, '2000-01-01'",
    rows.DUE_KINDS: "'{email.status}', '{2000-01-01}'",
    rows.CLAIM_OF_SUBJECT: "'order', 1, 1, '{email.status}'",
    rows.RECORD: f"{BY_ID}, '{{1,1}}', '{{1,1}}', '{{dead,dead}}', '{{0,0}}', '{{a,b}}', '{{a,b}}', '{{0,0}}'",
    rows.HAND_BACK: f"1, {BY_ID}",
    rows.RENEW: f"{BY_ID}, 1",
    rows.RESCUE: "10",
    rows.DEFER: f"{BY_ID}, 1, 'a', '{{a}}', '{{a}}', '{{a}}', 1, 1, 0",
    rows.ABANDON: "'signal', '{a,b}'",
    rows.PRUNE: "24",
}


def test_each_statement_looks_up_by_a_condition(known, onward):
    """A step without one reads an index from end to end: right for 170 rows, and for no more."""
    statements = onward.engine.writer.statements
    of_batches = [statements.everything, statements.few, *statements.alone.values(), *statements.rows.values()]
    asked = ASKED | dict.fromkeys(of_batches, f"{BY_ID}, '{{}}'")
    unbounded = []
    for statement, values in asked.items():
        if "int[]" in statement.types[1:2] and statement.name.startswith("record_row"):
            values = f"{BY_ID}, '{{1, 1}}'"
        known.execute(statement.prepare)
        known.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {statement.name} ({values})")
        (plan,) = known.fetchone()[0]
        for table in TABLES:
            unbounded += [
                (statement.name, scan["Node Type"], scan.get("Index Name"), scan.get("Filter"))
                for scan in scans(plan["Plan"], table)
                if not {"Index Cond", "Recheck Cond"} & scan.keys()
            ]

    # Who the first owner is, is asked of the left end of an index.
    unbounded.remove(("claim", "Index Only Scan", "outbox_owner_idx", None))
    assert [] == unbounded, json.dumps(unbounded, indent=1)


LATER = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, scheduled_at)
    SELECT 'a.timer', 'clock', 'timer', n, n, '', clock_timestamp() + interval '7 d'
    FROM generate_series(1, 5000) AS n"""


@pytest.mark.parametrize("statement", [rows.CLAIM, rows.DUE_KINDS], ids=lambda statement: statement.name)
def test_what_is_set_for_next_week_is_not_read_at_each_look(known, sql, statement):
    """By a volatile clock no index can be asked: each look read all timers that wait."""
    known.execute(statement.prepare)
    sql(LATER)
    values = "'a.timer', 10, 1, '2000-01-01', NULL" if statement is rows.CLAIM else "'{a.timer}', '{2000-01-01}'"
    known.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {statement.name} ({values})")
    (plan,) = known.fetchone()[0]

    assert read_of_tables(plan["Plan"]) <= 10
