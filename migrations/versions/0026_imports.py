"""Imported orders keep the id and a digest of the line that brought them, by which a repetition is known."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0023"
branch_labels = None
depends_on = None
# The oldest revision whose version still works with the schema as this leaves it (docs/upgrading.md).
works_with = "0018"


def upgrade() -> None:
    op.create_table(
        "order_imports",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("order_id", name="order_imports_pkey"),
        sa.UniqueConstraint("external_id", name="order_imports_external_id_key"),
    )
