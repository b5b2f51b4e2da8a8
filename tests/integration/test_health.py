"""Liveness and readiness."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from foundation import db
from foundation.db import Base


def test_the_loop_turns(app):
    assert 200 == app.test_client().get("/livez").status_code


def test_a_process_that_was_not_started_is_not_ready(app):
    answer = app.test_client().get("/readyz")

    assert 503 == answer.status_code
    assert {"feed", "engine"} == set(answer.get_json()["checks"]) - {"credentials"}, "other tests may have had it look"


def test_a_schema_of_another_version_is_named(app, sql):
    (was,) = sql("SELECT version_num FROM alembic_version")
    sql("UPDATE alembic_version SET version_num = '0000'")
    try:
        assert "0000" in app.test_client().get("/readyz").get_json()["checks"]["schema"]
    finally:
        sql("UPDATE alembic_version SET version_num = %s", *was)


@pytest.mark.parametrize(("oldest", "ready"), [(db.SCHEMA, True), ("0098", False)], ids=["expanded", "contracted"])
def test_a_newer_schema_says_which_versions_work_with_it(app, sql, oldest, ready):
    """Processes of two versions run side by side while one takes the other's place."""
    ((was,),) = sql("SELECT obj_description('alembic_version'::regclass)")
    sql("UPDATE alembic_version SET version_num = '0099'")
    sql(f"COMMENT ON TABLE alembic_version IS '{oldest}'")
    try:
        assert ready == ("schema" not in app.test_client().get("/readyz").get_json()["checks"])
    finally:
        sql("UPDATE alembic_version SET version_num = %s", db.SCHEMA)
        sql(f"COMMENT ON TABLE alembic_version IS '{was}'")


def test_every_migration_says_which_versions_work_with_it(sql):
    migrations = list(ScriptDirectory(str(Path(db.MIGRATIONS))).walk_revisions())

    known = {one.revision for one in migrations}
    assert [] == [one for one in migrations if one.module.works_with not in known]
    # This database has been new with this version: its log is packed (tests/integration/test_two_forms_of_the_log.py).
    expected = max(migrations[0].module.works_with, "0020")
    assert [(expected,)] == sql("SELECT obj_description('alembic_version'::regclass)")


def test_this_version_works_with_the_newest_migration():
    assert db.SCHEMA == ScriptDirectory(str(Path(db.MIGRATIONS))).get_current_head()


# SQLAlchemy 2 reads a constraint that is NOT VALID with an option that it does not know itself.
@pytest.mark.filterwarnings("ignore:Can't validate argument 'dialect_options'")
def test_the_migrations_make_the_schema_that_the_models_describe(app):
    with app.app_context(), db.db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert [] == compare_metadata(context, Base.metadata)
