"""Live events and kept answers say which orders they tell of, so that what is said there can be found and erased."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

EVENTS, ANSWERS = "realtime_events", "idempotency_keys"


def upgrade() -> None:
    op.add_column(EVENTS, sa.Column("order_id", sa.BigInteger(), nullable=True))
    op.create_index("realtime_events_order_idx", EVENTS, ["order_id"], postgresql_where=sa.text("order_id IS NOT NULL"))
    # What stands there now, and what a version of before goes on writing; it is pruned within RETENTION_HOURS.
    op.create_index(
        "realtime_events_without_order_idx", EVENTS, ["channel", "seq"], postgresql_where=sa.text("order_id IS NULL")
    )
    op.add_column(ANSWERS, sa.Column("order_ids", postgresql.ARRAY(sa.BigInteger()), nullable=True))
    op.create_index("idempotency_keys_orders_idx", ANSWERS, ["order_ids"], postgresql_using="gin")
    op.create_index(
        "idempotency_keys_without_orders_idx",
        ANSWERS,
        ["created_at", "principal", "key"],
        postgresql_where=sa.text("order_ids IS NULL AND body IS NOT NULL"),
    )
