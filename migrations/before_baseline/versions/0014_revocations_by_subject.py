"""Revocations are found by their subject, and pruned by their kind; what a later one repeats is not kept."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

REPEATED = """DELETE FROM revocations r WHERE EXISTS (
    SELECT FROM revocations n WHERE n.subject = r.subject AND n.at >= r.at AND (n.at, n.id) > (r.at, r.id))"""


def upgrade() -> None:
    op.create_index("revocations_subject_idx", "revocations", ["subject", "at"])
    op.execute(REPEATED)
    op.create_index("revocations_kind_idx", "revocations", [sa.text("split_part(subject, ':', 1)"), "at"])
