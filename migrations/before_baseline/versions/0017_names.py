"""The two ids of an event have the names that everybody looks for."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COLUMNS = (
    ("outbox", "topic", "event_type"),
    ("outbox", "subject_id", "event_id"),
    ("outbox", "ref", "order_id"),
    ("side_effects", "topic", "event_type"),
    ("side_effects", "subject_id", "event_id"),
    ("side_effects", "ref", "order_id"),
    ("order_events", "promised", "effect_bits"),
    ("api_keys", "subject_id", "principal_id"),
    ("people", "subject_id", "principal_id"),
    ("stream_tickets", "subject_id", "principal_id"),
)
INDEXES = (
    ("outbox_ref_idx", "outbox_order_idx"),
    (
        "side_effects_topic_subject_id_kind_destination_key",
        "side_effects_event_type_event_id_kind_destination_key",
    ),
)


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    for old, new in INDEXES:
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
