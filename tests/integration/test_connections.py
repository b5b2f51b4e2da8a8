"""Broken connections, and read-only sessions: detected, and replaced."""

from __future__ import annotations

import psycopg2.errors
import pytest

from foundation.connections import PreparedPool, Statement

PID = Statement("which_backend", (), "SELECT pg_backend_pid()")
WRITE = Statement("write", (), "INSERT INTO side_effect_modes VALUES ('nothing', 'background') RETURNING 1")


@pytest.fixture
def pool(settings, _green):
    pool = PreparedPool(settings.dsn, 1, "test")
    yield pool
    pool.close()


def test_a_connection_that_was_cut_while_it_was_idle_fails_nobodys_statement(pool, sql):
    ((pid,),) = pool.run(PID, ())
    sql("SELECT pg_terminate_backend(%s, 5000)", pid)

    assert pid != pool.run(PID, ())[0][0]


@pytest.fixture
def read_only(sql, settings):
    """The whole database for every new session, until it is over."""
    ((name,),) = sql("SELECT current_database()")
    sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    def over():
        sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")

    yield over
    over()


def test_a_session_that_may_only_read_is_not_used_again(pool, empty, read_only):
    """It would stay so after the failover is over."""
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        pool.run(WRITE, ())
    assert "read-only" in pool.refusal()

    read_only()
    assert [(1,)] == pool.run(WRITE, ())


def test_the_service_works_again_when_its_database_may_be_written_again(app, cast, placed, bob, sql, read_only):
    sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(2):
        reply = bob.move(placed["id"], "CONFIRMED")
        assert (503, "1") == (reply.status, reply.headers["Retry-After"])
    app.test_client().get("/readyz")  # finds its own connection cut
    checks = app.test_client().get("/readyz").get_json()["checks"]
    assert "the database is read-only" == checks["schema"]
    assert "read-only" in checks["changes"]

    read_only()
    assert 200 == bob.move(placed["id"], "CONFIRMED").status
    assert "schema" not in app.test_client().get("/readyz").get_json()["checks"]
    assert cast.place()
