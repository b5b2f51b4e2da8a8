"""Who has got a letter to several people, and what operators were told. People are found by whom they act for."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None
works_with = "0018"

INDEXES = {"people_role_principal_id_idx": "people (role, principal_id)"}


def upgrade() -> None:
    op.create_table(
        "sent_letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        _at(),
        sa.PrimaryKeyConstraint("id", name=op.f("sent_letters_pkey")),
        sa.UniqueConstraint("kind", "event_id", "person_id", name=op.f("sent_letters_kind_event_id_person_id_key")),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("seller_id", sa.BigInteger()),
        sa.Column("shown", sa.JSON(), nullable=False),
        _at(),
        sa.PrimaryKeyConstraint("id", name=op.f("alerts_pkey")),
        sa.UniqueConstraint("key", name=op.f("alerts_key_key")),
    )


def _at() -> "sa.Column[object]":
    return sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)
