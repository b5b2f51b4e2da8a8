"""The packed log: one row for the live events of a change, and a view that shows the events of both kinds of rows.

It only adds. Processes of the release before neither read nor write such rows, so rows of the old kind are written
until `flask live pack` says that none of them is left; a log that was never written to is packed from the beginning.
"""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None
works_with = "0018"

SCHEMA = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    # As it stands: a percent sign is no placeholder.
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(SCHEMA.read_text("utf-8"))
