"""Revocations in a table that grows: read by range, pruned, and as reliable as before."""

from __future__ import annotations

import time

import jwt
import pytest

from access import revocations
from access.principal import Principal
from access.revocations import EVERYBODY, Revocations
from app import build_app
from foundation.db import db
from process import onward_of
from tests.conftest import SECRET

MANY = 20_000
FILL = """INSERT INTO revocations (subject, actor, reason, at)
    SELECT 'order:' || n, 'buyer 1', '', clock_timestamp() - interval '1 h' - n * interval '1 s'
    FROM generate_series(1, {}) AS n"""
BOB = Principal("seller", 7, credential="jti:one")


@pytest.fixture
def fresh(app, empty):
    """What a process knows that has just started."""
    with app.app_context():
        yield Revocations()


@pytest.fixture
def short_memory(monkeypatch):
    """As little is remembered as would be of a table of millions."""
    monkeypatch.setattr(revocations, "MOST", 1000)


def insert(sql, subject, seconds_ago=0.0):
    sql(
        """INSERT INTO revocations (subject, actor, reason, at)
        VALUES (%s, 'a test', '', clock_timestamp() - make_interval(secs => %s))""",
        subject,
        seconds_ago,
    )


def test_what_is_taken_back_again_and_again_is_one_row(cast, placed, sql):
    for number in range(20):
        body = {"reason": f"once more, {number}"}
        assert 200 == cast.alice.post(f"/api/orders/{placed['id']}/tracking-links/revoke", body).status
        assert 200 == cast.olive.post("/api/ops/revocations", {"role": "buyer", "id": 999, **body}).status

    assert [("buyer:999", "once more, 19"), (f"order:{placed['id']}", "once more, 19")] == sql(
        "SELECT subject, reason FROM revocations ORDER BY subject"
    )


def test_taking_back_again_counts_from_now(app, fresh, sql):
    insert(sql, "seller:7", seconds_ago=100)
    fresh.look()
    now = time.time()
    assert [True, False] == [fresh.refuse(BOB, now - age) for age in (101, 50)]

    revocations.revoke("seller:7", "a test", "")
    fresh.look()

    assert fresh.refuse(BOB, now - 50)


def test_a_start_reads_what_it_can_hold_and_not_the_table(fresh, sql, short_memory):
    sql(FILL.format(MANY))

    fresh.look()

    assert fresh.known
    assert 1000 == len(fresh._at)


@pytest.mark.parametrize("looked", [False, True], ids=["before the first look", "after it"])
@pytest.mark.parametrize("subject", ["seller:7", "jti:one"])
def test_what_is_older_than_the_memory_is_refused_still(fresh, sql, short_memory, looked, subject):
    sql(FILL.format(MANY))
    insert(sql, subject, seconds_ago=10 * 24 * 3600)
    if looked:
        fresh.look()

    assert fresh.refuse(BOB, time.time() - 11 * 24 * 3600)
    assert fresh.refuse(BOB, time.time()) is (subject == "jti:one" and not looked), "nobody revokes what is to come"


def test_a_young_credential_asks_nobody_however_large_the_table_is(fresh, sql, short_memory, monkeypatch):
    sql(FILL.format(MANY))
    fresh.look()
    monkeypatch.setattr(revocations, "_ask", lambda subjects: pytest.fail(f"asked for {subjects}"))

    assert not fresh.refuse(BOB, time.time())


def test_what_is_pushed_out_of_the_memory_is_looked_up(fresh, sql, short_memory):
    fresh.look()
    insert(sql, "seller:7")
    fresh.look()
    for _ in range(3):
        sql(
            FILL.format(900).replace("interval '1 h'", "interval '0 s'").replace("n * interval '1 s'", "interval '0 s'")
        )
        sql("UPDATE revocations SET subject = subject || 'x' WHERE subject LIKE 'order:%'")
        fresh.look()

    assert len(fresh._at) <= 2000
    assert fresh.refuse(BOB, time.time() - 3600)


def test_who_takes_back_a_link_makes_nobody_else_prove_themselves_again(app, cast, placed):
    credentials = onward_of(app).access.credentials
    onward_of(app).access.refresher.look()
    cast.bob.get("/api/me")
    version, remembered = credentials.rights_version, len(credentials._cache)

    cast.alice.post(f"/api/orders/{placed['id']}/tracking-links/revoke", {"reason": "again"})
    onward_of(app).access.refresher.look()

    assert remembered <= len(credentials._cache)
    assert credentials.remembered(cast.bob.token)
    assert version == credentials.rights_version


def test_who_is_touched_is_forgotten_and_nobody_else(app, cast, sql):
    credentials = onward_of(app).access.credentials
    onward_of(app).access.refresher.look()
    token = jwt.encode(
        {"iss": "onward", "aud": "onward", "sub": "901", "role": "seller", "iat": int(time.time()) - 5}
        | {"exp": time.time() + 900},
        SECRET,
    )
    with app.app_context():
        assert 901 == credentials.verify(token).id
        cast.bob.get("/api/me")
        insert(sql, "seller:901")
        onward_of(app).access.refresher.look()

    assert None is credentials.remembered(token)
    assert credentials.remembered(cast.bob.token)


def test_more_news_than_can_be_told_touch_everybody(fresh, sql, short_memory):
    fresh.look()
    sql("INSERT INTO revocations (subject, actor, reason) SELECT 'order:' || n, '', '' FROM generate_series(1, 3000) n")

    fresh.look()

    assert EVERYBODY in fresh.take_lost()


def test_what_refuses_nothing_any_more_is_pruned(app, fresh, sql):
    for subject in ("order:1", "session:a", "seller:7", "key:3", "jti:x"):
        insert(sql, subject, seconds_ago=400 * 24 * 3600)
    insert(sql, "order:2")

    onward_of(app).pruner.prune()

    assert ["jti:x", "key:3", "order:2", "seller:7"] == [
        subject for (subject,) in sql("SELECT subject FROM revocations ORDER BY subject")
    ]


def test_a_process_that_does_not_know_what_was_revoked_is_not_ready(settings, cast):
    app = build_app(settings)
    try:
        assert "credentials" in app.test_client().get("/readyz").get_json()["checks"]
        onward_of(app).access.refresher.look()
        assert "credentials" not in app.test_client().get("/readyz").get_json()["checks"]
    finally:
        onward_of(app).stop()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT subject FROM revocations WHERE subject = ANY(ARRAY['seller:7', 'jti:one'])",
        "SELECT subject FROM revocations WHERE split_part(subject, ':', 1) = 'order' AND at < '2000-01-01' ORDER BY at",
        "SELECT subject FROM revocations WHERE at > '2000-01-01' ORDER BY at DESC LIMIT 10",
    ],
)
def test_no_question_reads_the_table(app, empty, statement):
    with app.app_context():
        db.session.execute(db.text(FILL.format(MANY)))
        db.session.execute(db.text("ANALYZE revocations"))
        plan = str(db.session.execute(db.text(f"EXPLAIN (FORMAT JSON) {statement}")).scalar_one())
        db.session.rollback()

    assert "Seq Scan" not in plan
    assert "'Sort'" not in plan


def test_who_is_looked_up_keeps_no_connection_while_the_request_goes_on(app, cast, monkeypatch):
    """Three connections serve all that is not hot; who waits for a locked order must not hold one of them."""
    bob = cast.bob
    credentials = onward_of(app).access.credentials
    monkeypatch.setattr(credentials.tokens.revocations, "_horizon", time.time() + 60)
    credentials._cache.clear()
    with app.app_context():
        assert bob.principal.who == credentials.verify(bob.token).who
        assert not db.session.registry().in_transaction()
