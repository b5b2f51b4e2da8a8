"""No index that a look-up by id or lease may take for its own and read from end to end, with all dead rows in it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

RUNNING, OF_ORDER = "side_effects_running_idx", "outbox_ref_idx"


def upgrade() -> None:
    op.drop_index(RUNNING, table_name="side_effects")
    op.create_index(RUNNING, "side_effects", ["claimed_until"], postgresql_where=sa.text("claimed_until IS NOT NULL"))
    op.drop_index(OF_ORDER, table_name="outbox")
    op.create_index(OF_ORDER, "outbox", ["ref"])
