"""Carry a database from before the baseline over to it, by the migrations that it would have had then.

Nobody runs these files on an empty database; they are kept for the databases of before, and changed no more. The last
of them ends where `versions/0018_baseline.py` begins: with the same schema, at the same revision. When no database of
before is left, this folder goes, and the three lines in env.py that name it.
"""

from __future__ import annotations

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from foundation import locks

HERE = Path(__file__).parent
BASELINE = "0018"

PROCESSES = text(
    f"""SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = {locks.PROCESSES} AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
)


def chain() -> ScriptDirectory:
    """The migrations of before, 0001 to the baseline."""
    return ScriptDirectory(str(HERE))


def revisions() -> set[str]:
    """The revisions from which a database can be carried over."""
    return {one.revision for one in chain().walk_revisions()} - {BASELINE}


def carry_over(connection: Connection, to: str = BASELINE) -> None:
    """Bring a database of before to the baseline, in the transaction of this connection.

    Raises CommandError while processes of the service are connected: those of before know the old names only.
    """
    if running := connection.scalar(PROCESSES):
        raise CommandError(f"Stop the service first: {running} of its processes use this database (docs/upgrading.md).")
    upgrade(connection, to)


def upgrade(connection: Connection, to: str = BASELINE) -> None:
    """Run the migrations of before up to this one."""
    scripts = chain()
    steps = {"fn": lambda current, _: scripts._upgrade_revs(to, current)}
    context = MigrationContext.configure(connection, opts=steps)
    with Operations.context(context):
        context.run_migrations()
