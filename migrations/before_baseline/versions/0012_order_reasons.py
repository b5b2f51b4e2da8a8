"""Reasons leave the history, where nothing can be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_reasons",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("order_reasons_pkey")),
    )
    op.execute(
        "INSERT INTO order_reasons (event_id, reason) SELECT id, reason FROM order_events WHERE reason IS NOT NULL"
    )
    op.drop_column("order_events", "reason")
