"""The baseline: an empty database gets the whole schema from the SQL file beside this one.

An older database reaches this revision by `migrations/before_baseline/`. Neither file changes any more: what comes
next is a migration of its own (docs/upgrading.md).
"""

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = None
branch_labels = None
depends_on = None
works_with = "0018"

SCHEMA = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    # As it stands: a percent sign is no placeholder.
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(SCHEMA.read_text("utf-8"))
