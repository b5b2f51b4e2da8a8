"""Side effects are found by what an operator types, with every attempt, and without reading all of them."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from sqlalchemy import event, text

from foundation.db import db
from operations import jobs, listing
from operations.selection import Selection
from process import onward_of
from side_effects.attempts import NOT_ATTEMPTED
from side_effects.rows import ATTEMPTS_KEPT, RECORD
from tests.integration.test_grown_tables import read_by

MANY = 30_000
SPAN = 3_000
"""Ids that one page looks at here."""

FILL = f"""INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, attempts,
        scheduled_at, last_error, fingerprint, finished_at)
    SELECT CASE WHEN mod(n, 3) = 0 THEN 'webhook.delivery' ELSE 'email.status' END,
        CASE WHEN mod(n, 3) = 0 THEN 'webhook:' || mod(n, 50) ELSE 'mail-server' END, 'order', -n, -n,
        (ARRAY['pending', 'dead', 'discarded', 'succeeded', 'succeeded'])[least(mod(n, 6), 4) + 1], 1,
        clock_timestamp(), 'refused ' || mod(n, 7), 'refused #', clock_timestamp()
    FROM generate_series(1, {MANY}) AS n"""


@pytest.fixture
def tried(placed, bob, outbox, sql):
    """An effect that failed twice, and waits."""
    sql("ALTER TABLE messages ADD CONSTRAINT poison CHECK (kind <> 'system') NOT VALID")
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    sql("ALTER TABLE messages DROP CONSTRAINT poison")
    ((id,),) = sql("SELECT id FROM side_effects")
    return id


def address(q):
    return f"/api/ops/side-effects?{urlencode({'q': q})}"


def listed(olive, q):
    answer = olive.get(address(q))
    assert 200 == answer.status, answer
    return [row["id"] for row in answer.json["side_effects"]]


def test_an_effect_is_found_by_each_of_its_qualities(tried, olive, placed, sql):
    sql("UPDATE side_effects SET last_error = 'connect timed out', request_id = 'abc'")
    number = placed["number"]

    for q in (
        "",
        "kind:chat",
        "error:timeout",
        "TIMED",
        f"order:{placed['id']}",
        f"order:#{number}",
        f"shop:{placed['seller_id']}",
        "destination:inside state:waiting",
        "attempts:1 request:abc",
        f"id:{tried}",
        "since:2020-01-01",
    ):
        assert [tried] == listed(olive, q), q
    for q in (
        "kind:email",
        "error:refused",
        "order:999999",
        "shop:999",
        "state:dead",
        "attempts:9",
        "until:2020-01-01",
    ):
        assert [] == listed(olive, q), q
    assert 422 == olive.get(address("knd:chat")).status
    assert 422 == olive.get(address("state:dead") + "&status=dead").status


def test_each_attempt_is_there_with_its_time(tried, olive, placed):
    found = olive.get(f"/api/ops/side-effects/{tried}").json

    assert [1, 2] == [one["attempt"] for one in found["attempt_log"]]
    assert ["retry", "retry"] == [one["outcome"] for one in found["attempt_log"]]
    assert found["attempt_log"][0]["seconds"] is None, "the first was made with others, in a batch"
    assert found["attempt_log"][1]["seconds"] >= 0
    assert "poison" in found["attempt_log"][1]["error"]
    assert (placed["number"], placed["seller_id"]) == (found["order_number"], found["seller_id"])
    assert 404 == olive.get("/api/ops/side-effects/999999999").status


def test_a_postponed_effect_was_not_attempted_and_only_the_last_attempts_are_kept(onward, sql, empty):
    ((id,),) = sql(
        """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status)
        VALUES ('email.status', 'mail-server', 'order', -1, -1, 'running') RETURNING id"""
    )
    for number in range(ATTEMPTS_KEPT + 3):
        for seconds in (NOT_ATTEMPTED, 0.5):
            sql("UPDATE side_effects SET status = 'running', attempts = %s", number)
            record = ([id], [number], [number], ["pending"], [0.0], ["x"], ["x"], [seconds])
            assert [(id,)] == onward.engine.durable_pool.run(RECORD, record)
    ((log,),) = sql("SELECT attempt_log FROM side_effects")

    assert list(range(3, ATTEMPTS_KEPT + 3)) == [one["attempt"] for one in log]
    assert {0.5} == {one["seconds"] for one in log}


@pytest.fixture(scope="module")
def many(app):
    """Effects in every state; nothing is left of them, nor of their statistics."""
    with app.app_context():
        db.session.execute(text(FILL))
        db.session.execute(text("ANALYZE side_effects"))
        yield
        db.session.rollback()


@pytest.fixture(scope="module")
def onward_types(app):
    return onward_of(app).engine.event_types


@pytest.fixture
def most_read(app, many, monkeypatch):
    """The most rows that one step reads of what is run."""
    monkeypatch.setattr(listing, "SPAN", SPAN)
    monkeypatch.setattr(listing, "DEAD_SPAN", 500)
    monkeypatch.setattr(listing, "COUNTED", 1000)
    monkeypatch.setattr(jobs, "COUNT_SPAN", 500)

    def read(call):
        ran = []

        def note(_connection, _cursor, statement, values, *_more):
            ran.append((statement, values))

        event.listen(db.engine, "before_cursor_execute", note)
        call()
        event.remove(db.engine, "before_cursor_execute", note)
        connection = db.session.connection()
        plans = [
            connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
            for statement, values in ran
        ]
        return max(read_by(plan["Plan"]) for (plan,) in plans)

    return read


@pytest.mark.parametrize(
    "chosen",
    [
        Selection(),
        Selection(error="nothing like it"),
        Selection(family="email", error="nothing like it"),
        Selection(shop=1),
        Selection(status="succeeded", error="refused 3"),
        Selection(status="discarded", error="nothing like it"),
        Selection(status="pending", error="nothing like it"),
        Selection(status="dead", error="nothing like it", shop=7),
        Selection(status="running"),
        Selection(orders=(5,)),
        Selection(ids=(5,)),
        Selection(destination="webhook:3", attempts=9),
    ],
    ids=str,
)
@pytest.mark.parametrize("before", [2**53 - 1, "the middle"])
def test_a_page_reads_little_of_a_large_table(onward_types, most_read, chosen, before):
    if before == "the middle":
        before = db.session.scalar(text("SELECT max(id) FROM side_effects")) - MANY // 2

    assert most_read(lambda: listing.page(onward_types, chosen, before)) <= SPAN + 100


def test_counts_read_up_to_their_limits(most_read):
    assert most_read(listing.counts) <= listing.COUNTED * 2 + 100
    assert most_read(lambda: jobs.matching(Selection(error="nothing like it"))) <= 600


def test_a_number_of_a_job_is_counted_up_to_its_limit(many, monkeypatch):
    monkeypatch.setattr(jobs, "MATCHING", 10)
    assert 11 == jobs.matching(Selection(kind="email.status"))
