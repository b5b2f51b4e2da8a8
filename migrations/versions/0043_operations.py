"""What operators see over time, what they do to many side effects as a job, and how each attempt went."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0043"
down_revision = "0040"
branch_labels = None
depends_on = None
works_with = "0018"

NOW = sa.text("clock_timestamp()")

INDEXES = {
    "side_effects_dead_id_idx": "side_effects (id) WHERE status = 'dead'",
    "side_effects_job_idx": "side_effects (job_id, status) WHERE job_id IS NOT NULL",
    "webhook_endpoints_failing_idx": "webhook_endpoints (id) WHERE failing_since IS NOT NULL",
}


def upgrade() -> None:
    op.add_column("side_effects", sa.Column("attempt_log", JSONB(), server_default="[]", nullable=False))
    op.add_column("side_effects", sa.Column("job_id", sa.BigInteger()))
    op.create_table(
        "metric_minutes",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "name", "label", name=op.f("metric_minutes_pkey")),
    )
    op.create_table(
        "operator_jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_via", sa.Text()),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("per_second", sa.Float(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("matching", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("done_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("operator_jobs_pkey")),
    )
    op.create_index(
        "operator_jobs_running_idx", "operator_jobs", ["due_at"], postgresql_where=sa.text("state = 'running'")
    )
