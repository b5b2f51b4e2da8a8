"""Lists of closed orders, and of dates, are read by index: an order says as what it was closed, beside `open`.

Old rows are filled by the service, in pieces (orders/backfill.py); lists are right before that, only slower.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
# The oldest revision whose version still works with the schema as this leaves it (docs/upgrading.md).
works_with = "0018"

INDEXES = {
    "orders_seller_closed_idx": "orders (seller_id, closed_as, id) WHERE NOT open",
    "orders_closed_idx": "orders (closed_as, id) WHERE NOT open",
    "orders_seller_id_created_at_id_idx": "orders (seller_id, created_at, id)",
    "orders_created_at_id_idx": "orders (created_at, id)",
    "circuit_changes_destination_id_idx": "circuit_changes (destination, id)",
}
"""Built after the commit, while orders are changed (migrations/indexes.py)."""


def upgrade() -> None:
    op.add_column("orders", sa.Column("closed_as", sa.Text()))
    # The three depend on each other: without this, PostgreSQL expects two orders in a hundred to be closed and not
    # filled where there are none, and reads all of them to find out.
    op.execute("CREATE STATISTICS orders_closed_stats (mcv) ON open, closed_as, status FROM orders")
