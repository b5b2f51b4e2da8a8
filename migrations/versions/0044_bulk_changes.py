"""Bulk changes: jobs that change the status of many orders, each with its orders and their results.

It only adds tables, which a version that does not know them leaves alone, and so the rows by which jobs are claimed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None
works_with = "0018"


def upgrade() -> None:
    op.create_table(
        "bulk_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_via", sa.Text()),
        sa.Column("filters", sa.JSON()),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("notify", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("stop_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("bulk_changes_pkey")),
    )
    op.create_index(
        "bulk_changes_owner_idx",
        "bulk_changes",
        ["owner"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("bulk_changes_finished_at_idx", "bulk_changes", ["finished_at"])
    op.create_table(
        "bulk_change_orders",
        sa.Column("bulk_change_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("result", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("detail", sa.Text()),
        sa.Column("order_status", sa.Text()),
        sa.PrimaryKeyConstraint("bulk_change_id", "order_id", name=op.f("bulk_change_orders_pkey")),
        sa.ForeignKeyConstraint(
            ["bulk_change_id"],
            ["bulk_changes.id"],
            name=op.f("bulk_change_orders_bulk_change_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "bulk_change_orders_waiting_idx",
        "bulk_change_orders",
        ["bulk_change_id", "order_id"],
        postgresql_where=sa.text("result IS NULL"),
    )
    op.create_index("bulk_change_orders_order_id_idx", "bulk_change_orders", ["order_id"])
