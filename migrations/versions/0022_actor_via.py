"""History, messages and the audit trail say by which person, API key or link an account acted.

Only by id: names are looked up when they are read, since the history cannot be changed. Rows from before have none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
works_with = "0018"


def upgrade() -> None:
    op.add_column("order_events", sa.Column("actor_via", sa.Text()))
    op.add_column("messages", sa.Column("author_via", sa.Text()))
    op.add_column("operator_actions", sa.Column("actor_via", sa.Text()))
