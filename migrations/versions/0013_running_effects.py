"""What is running is found by its lease alone, whatever else there is an index of."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NAME, TABLE = "side_effects_running_idx", "side_effects"


def upgrade() -> None:
    op.drop_index(NAME, table_name=TABLE)
    op.create_index(NAME, TABLE, ["claimed_until"], postgresql_where=sa.text("claimed_until IS NOT NULL"))


def downgrade() -> None:
    op.drop_index(NAME, table_name=TABLE)
    op.create_index(NAME, TABLE, ["claimed_until"], postgresql_where=sa.text("status = 'running'"))
