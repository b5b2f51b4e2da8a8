"""The inbox shows a burst of notifications about one order as one entry.

It only adds an index: a version that does not know it shows each notification by itself.
"""

revision = "0037"
down_revision = "0034"
branch_labels = None
depends_on = None
works_with = "0018"

INDEXES = {"notifications_order_idx": "notifications (order_id, recipient_role, id)"}
"""By which a notification finds the next one about its order."""


def upgrade() -> None:
    """The index is built after the migrations."""
