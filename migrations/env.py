"""Run the migrations: on a connection of their own, one process at a time."""

import time

from alembic import context
from alembic.util import CommandError
from flask import current_app
from psycopg2.errors import LockNotAvailable
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from foundation import locks, poolers

LOCK_SECONDS, PAUSE_SECONDS, TRIES = 2, 2, 30
"""A change of a table that waits behind somebody's long read has everybody else wait behind itself: so it waits for a
short while only, lets the others go, and is tried again, for two minutes in all."""


def run() -> None:
    """Migrate in one transaction; raises what PostgreSQL says, with nothing changed."""
    if wrong := poolers.problem(current_app.extensions["onward"].settings.dsn):
        raise CommandError(wrong)
    for tries in range(1, TRIES + 1):
        try:
            _migrate()
            break
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable) or tries == TRIES:
                raise
            print(f"A table is in use; trying again ({tries} of {TRIES}).", flush=True)
            time.sleep(PAUSE_SECONDS)


def _migrate() -> None:
    """Several processes may be started at once and all want to migrate: the second waits for as long as it takes, and
    finds nothing left to do."""
    migrate = current_app.extensions["migrate"]
    engine = create_engine(current_app.config["SQLALCHEMY_DATABASE_URI"], poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({locks.MIGRATE})"))
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        context.configure(connection=connection, target_metadata=migrate.db.metadata, compare_type=True)
        context.run_migrations()


run()
