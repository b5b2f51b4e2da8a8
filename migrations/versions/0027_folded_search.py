"""Orders are found by e-mail address, parcel and item too, however they are accented: the service writes what it folds.

Old rows are folded by the service, in pieces (orders/backfill.py); until then they are found by number and name.
"""

from pathlib import Path

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None
works_with = "0018"

SCHEMA = Path(__file__).with_suffix(".sql")
INDEXES = {
    "order_search_unfolded_idx": "order_search (order_id) WHERE NOT folded",
    "orders_seller_id_total_minor_id_idx": "orders (seller_id, total_minor, id)",
    "orders_total_minor_id_idx": "orders (total_minor, id)",
}


def upgrade() -> None:
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(SCHEMA.read_text("utf-8"))
