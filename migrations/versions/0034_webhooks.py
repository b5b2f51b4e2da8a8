"""Endpoints of webhooks, the log of what was sent to them, and the index by which their deliveries are claimed."""

from pathlib import Path

from alembic import op

revision = "0034"
down_revision = "0030"
branch_labels = None
depends_on = None
works_with = "0018"

SCHEMA = Path(__file__).with_suffix(".sql")
INDEXES = {
    "side_effects_webhooks_idx": """side_effects (destination, scheduled_at, id)
        WHERE status = 'pending' AND kind = 'webhook.delivery'"""
}


def upgrade() -> None:
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(SCHEMA.read_text("utf-8"))
