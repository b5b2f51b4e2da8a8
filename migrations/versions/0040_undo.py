"""Undo: what was held, until when, and what an undo brings back; and which event an undo takes back.

It only adds: a version that does not know them holds as before, and its changes cannot be undone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None
works_with = "0018"


def upgrade() -> None:
    op.add_column("order_events", sa.Column("held", sa.JSON()))
    op.add_column("order_events", sa.Column("undoes", sa.BigInteger()))
