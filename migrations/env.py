"""Run the migrations: on a connection of their own, one process at a time."""

import time

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from flask import current_app
from psycopg2.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from foundation import locks, poolers
from migrations import before_baseline, indexes

LOCK_SECONDS, PAUSE_SECONDS, TRIES = 2, 2, 30
"""A change of a table that waits behind somebody's long read has everybody else wait behind itself: so it waits for a
short while only, lets the others go, and is tried again, for two minutes in all."""

READS_PACKS = 20
"""The first revision whose version can read a packed log."""


def run() -> None:
    """Migrate in one transaction; raises what PostgreSQL says, with nothing changed. Then build the indexes."""
    if wrong := poolers.unusable(current_app.extensions["onward"].settings.dsn):
        raise CommandError(wrong)
    engine = create_engine(current_app.config["SQLALCHEMY_DATABASE_URI"], poolclass=NullPool)
    for tries in range(1, TRIES + 1):
        try:
            _migrate(engine)
            break
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable) or tries == TRIES:
                raise
            print(f"A table is in use; trying again ({tries} of {TRIES}).", flush=True)
            time.sleep(PAUSE_SECONDS)
    if _command() == "upgrade":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            indexes.build(connection, _indexes())


def _indexes() -> dict[str, str]:
    """The indexes of all revisions, the oldest first."""
    revisions = reversed([*context.script.walk_revisions()])
    return {name: index for one in revisions for name, index in getattr(one.module, "INDEXES", {}).items()}


def _migrate(engine: Engine) -> None:
    """Several processes may be started at once and all want to migrate: the second waits for as long as it takes, and
    finds nothing left to do."""
    migrate = current_app.extensions["migrate"]
    with engine.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({locks.MIGRATE})"))
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        context.configure(connection=connection, target_metadata=migrate.db.metadata, compare_type=True)
        if _command() == "downgrade":
            raise CommandError("No migration goes back: the version before works with this schema (docs/upgrading.md).")
        _reach_the_baseline(connection)
        context.run_migrations()
        if _command() == "upgrade":
            _tell_older_versions(connection)


def _reach_the_baseline(connection: Connection) -> None:
    """Carry a database from before the baseline over to it; raises CommandError for one that is not recognised."""
    found = MigrationContext.configure(connection).get_current_heads()
    if not found:
        _refuse_tables(connection)
    elif before_baseline.revisions().issuperset(found):
        if _command() != "upgrade":
            raise CommandError(f"The database is at {found[0]}, before the baseline: run `flask db upgrade`.")
        before_baseline.carry_over(connection)
    elif unknown := {*found} - {one.revision for one in context.script.walk_revisions()}:
        raise CommandError(
            f"The database is at {', '.join(sorted(unknown))}, which this version does not know: a newer version or "
            "another program made it. Nothing was changed."
        )


def _refuse_tables(connection: Connection) -> None:
    """Raise CommandError when tables of our names are there, and nothing says which version made them."""
    tables = sorted({*inspect(connection).get_table_names()} & {*current_app.extensions["migrate"].db.metadata.tables})
    if tables:
        raise CommandError(
            f"The database has tables ({', '.join(tables)}) but no revision in alembic_version: it was not made by "
            "this service, or restored in part. Nothing was changed."
        )


def _tell_older_versions(connection: Connection) -> None:
    """Leave a note for processes of versions before: which revision's version still works with this schema and with the
    log."""
    (head,) = MigrationContext.configure(connection).get_current_heads()
    oldest = int(context.script.get_revision(head).module.works_with)
    if int(head) >= READS_PACKS:
        if connection.exec_driver_sql("SELECT packed FROM realtime_log").scalar_one():
            oldest = max(oldest, READS_PACKS)
        else:
            print("Once no process of an earlier version is left, run `flask live pack`.", flush=True)
    connection.exec_driver_sql(f"COMMENT ON TABLE alembic_version IS '{oldest:04}'")


def _command() -> str:
    """The command of `flask db` that runs this file: upgrade, downgrade, do_stamp, display_version, ..."""
    return context.get_context().opts["fn"].__name__


run()
