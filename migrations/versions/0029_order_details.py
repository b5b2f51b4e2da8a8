"""Orders can be edited: members beside the status, the names of edits, and their values beside the history.

It only adds: a version that does not know the columns leaves them as they are.
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None
works_with = "0018"

INDEXES = {"orders_external_id_key": "UNIQUE orders (external_id) WHERE external_id IS NOT NULL"}
"""Of the orders that have one, which a status change does not touch."""


def upgrade() -> None:
    op.execute(
        """ALTER TABLE orders ADD COLUMN external_id text, ADD COLUMN parcels json, ADD COLUMN delivery jsonb,
        ADD COLUMN note text, ADD COLUMN due_at timestamptz, ADD COLUMN due_fixed boolean,
        ADD COLUMN metadata json, ADD COLUMN tags text[]"""
    )
    op.execute("ALTER TABLE order_events ADD COLUMN changed text[]")
    op.execute(
        """CREATE TABLE order_edits (
            event_id bigint PRIMARY KEY,
            before json NOT NULL,
            after json NOT NULL)"""
    )
