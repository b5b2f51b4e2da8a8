"""Sessions: settings that apply however one connects, and poolers without sessions."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import text

from foundation import poolers
from foundation.connections import PREPARED_SETTINGS, SERVER_SETTINGS, PreparedPool, Statement, connect
from foundation.db import db
from tests.conftest import PROJECT, environment
from tests.pgbouncer import needs_pgbouncer, pgbouncer

pytestmark = pytest.mark.usefixtures("_green")
SHOW = Statement(
    "show_settings",
    ("text[]",),
    "SELECT name, current_setting(name) FROM unnest($1) AS name",
)


def settings_of(dsn, **pool):
    sessions = PreparedPool(dsn, 1, "test")
    try:
        return dict(sessions.run(SHOW, (list(PREPARED_SETTINGS),)))
    finally:
        sessions.close()


def expected():
    return {name.lower() if name != "timezone" else name: value for name, value in PREPARED_SETTINGS.items()}


def test_the_settings_are_in_force(settings):
    assert expected() == settings_of(settings.dsn)


def test_they_come_back_after_somebody_discarded_everything(settings):
    pool = PreparedPool(settings.dsn, 1, "test")
    before = pool.run(SHOW, (list(PREPARED_SETTINGS),))
    pool._idle[0]._cursor.execute("DISCARD ALL")

    assert before == pool.run(SHOW, (list(PREPARED_SETTINGS),))
    pool.close()


def test_the_cold_paths_have_theirs_from_the_first_transaction_to_the_last(app):
    with app.app_context():
        for _ in range(2):
            shown = {name: db.session.execute(text(f"SHOW {name}")).scalar_one() for name in SERVER_SETTINGS}
            assert SERVER_SETTINGS == shown
            db.session.rollback()


def test_options_in_the_url_are_kept(settings):
    """They were replaced by ours: the migrations made a schema that the service did not see."""
    dsn = f"{settings.dsn}&options=-csearch_path%3Dapp"
    with closing(connect(dsn, "test")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path'), current_setting('statement_timeout')")
        assert [("app", "5s")] == cursor.fetchall()


def test_a_database_in_another_encoding_is_refused(database, settings, sql, worker_name):
    """It took orders until the first name with an accent came."""
    name = f"onward_ascii_{worker_name}"
    sql(f"DROP DATABASE IF EXISTS {name}")
    sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'")
    try:
        assert "SQL_ASCII" in poolers.unusable(settings.dsn.replace("/onward_test_", "/onward_ascii_"))
    finally:
        sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_without_a_pooler_is_asked_only_once(settings, monkeypatch):
    check = poolers.check(settings.dsn)
    assert check() is None

    monkeypatch.setattr(poolers, "unusable", lambda _: "asked again")
    assert check() is None


def test_an_empty_database_says_what_to_do(app_with, sql, worker_name):
    name = f"onward_empty_{worker_name}"
    sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    sql(f"CREATE DATABASE {name}")
    url = onward_url(app_with).replace("/onward_test_", "/onward_empty_")
    checks = app_with(database_url=url).test_client().get("/readyz").get_json()["checks"]

    assert "run `flask db upgrade`" in checks["schema"]


def onward_url(app_with):
    from process import onward_of

    return onward_of(app_with()).settings.database_url


@needs_pgbouncer
@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("size", [1, 20])
def test_a_pooler_that_shares_out_transactions_is_found(database, mode, size):
    with pgbouncer(database, mode, size) as url:
        assert poolers.POOLED == poolers.unusable(url)


@needs_pgbouncer
def test_a_pooler_in_session_mode_is_as_good_as_none(database):
    with pgbouncer(database, "session") as url:
        assert poolers.unusable(url) is None
        assert expected() == settings_of(url)


@needs_pgbouncer
@pytest.mark.parametrize("command", [("flask", "db", "upgrade"), ("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")])
def test_what_is_started_behind_one_ends_at_once_and_says_why(database, command):
    with pgbouncer(database, "transaction") as url:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=PROJECT,
            env=environment(url),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert 0 != done.returncode
    told = [line for line in done.stderr.splitlines() if poolers.POOLED in line]
    assert 1 == len(told), done.stderr
    assert "Traceback" not in done.stderr
