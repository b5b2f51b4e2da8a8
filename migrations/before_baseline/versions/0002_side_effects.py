"""Side effects with rows of their own, circuits, operators' actions, modes; and what each event promised."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "circuit_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("circuit_changes_pkey")),
    )
    op.create_table(
        "circuits",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="closed", nullable=False),
        sa.Column("paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cooldown", sa.Float(), server_default="0", nullable=False),
        sa.Column("probes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("passed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("window", postgresql.JSON(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("destination", name=op.f("circuits_pkey")),
    )
    op.create_table(
        "operator_actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("operator_actions_pkey")),
    )
    op.create_table(
        "side_effect_modes",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("side_effect_modes_pkey")),
    )
    op.create_table(
        "side_effects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("crashes", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "scheduled_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("owner", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'succeeded', 'dead', 'discarded')", name=op.f("side_effects_status_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("side_effects_pkey")),
        sa.UniqueConstraint(
            "topic",
            "subject_id",
            "kind",
            "destination",
            name=op.f("side_effects_topic_subject_id_kind_destination_key"),
        ),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "side_effects_dead_idx",
        "side_effects",
        ["kind", "fingerprint", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'dead'"),
    )
    op.create_index(
        "side_effects_destination_idx",
        "side_effects",
        ["destination", "subject_id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "side_effects_due_idx",
        "side_effects",
        ["kind", "scheduled_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "side_effects_finished_idx",
        "side_effects",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('succeeded', 'discarded')"),
    )
    op.create_index(
        "side_effects_order_idx",
        "side_effects",
        ["ref", "kind", "destination", "subject_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('pending', 'running')"),
    )
    op.create_index(
        "side_effects_running_idx",
        "side_effects",
        ["claimed_until"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.add_column("order_events", sa.Column("promised", sa.Integer(), server_default="0", nullable=False))
    op.create_index("outbox_ref_idx", "outbox", ["ref", "id"], unique=False)
    op.create_index("outbox_owner_idx", "outbox", ["owner", "lease_until"], unique=False)
    op.drop_column("outbox", "attempts")
    op.add_column(
        "outbox",
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
    )
    # What was promised before this column existed: all six effects of a change, four of a new order.
    op.execute("ALTER TABLE order_events DISABLE TRIGGER append_only")
    op.execute("UPDATE order_events SET promised = CASE type WHEN 'order.created' THEN 27 ELSE 63 END")
    op.execute("ALTER TABLE order_events ENABLE TRIGGER append_only")
