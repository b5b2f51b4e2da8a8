"""The keys that a key was made with, and what ends with the demo."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ANCESTORS = "api_keys_ancestors_idx"
OF_DEMO = ("api_keys", "stream_tickets")


def upgrade() -> None:
    ancestors = sa.Column("ancestors", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False)
    op.add_column("api_keys", ancestors)
    op.create_index(ANCESTORS, "api_keys", ["ancestors"], postgresql_using="gin")
    for table in OF_DEMO:
        op.add_column(table, sa.Column("demo", sa.Boolean(), server_default=sa.false(), nullable=False))
