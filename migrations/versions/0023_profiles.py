"""Profiles: people choose language, time zone and theme; sellers say how they are named and shown to buyers."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None
works_with = "0018"


def upgrade() -> None:
    for name in ("language", "time_zone", "theme"):
        op.add_column("people", sa.Column(name, sa.Text()))
    op.create_table(
        "sellers",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("logo", sa.Text()),
        sa.Column("colour", sa.Text()),
        sa.Column("reply_to", sa.Text()),
        sa.Column("hours", sa.Text()),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sellers_pkey")),
    )
