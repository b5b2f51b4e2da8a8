"""Run the migrations: on a connection of their own, one process at a time."""

from alembic import context
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from foundation import poolers

MIGRATION_LOCK = 9003
"""Several processes may be started at once and all want to migrate; the second finds nothing left to do."""


def run() -> None:
    """Migrate in one transaction. No lock_timeout here: it would hit the advisory lock too."""
    migrate = current_app.extensions["migrate"]
    if wrong := poolers.problem(current_app.extensions["onward"].settings.dsn):
        raise CommandError(wrong)
    engine = create_engine(current_app.config["SQLALCHEMY_DATABASE_URI"], poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        context.configure(connection=connection, target_metadata=migrate.db.metadata, compare_type=True)
        context.run_migrations()


run()
