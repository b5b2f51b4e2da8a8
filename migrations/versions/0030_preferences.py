"""How people want to be told: their choices and quiet hours, and the digests that collect what they chose to get so.

It only adds: a version that does not know the tables tells as its workflow table says.
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None
works_with = "0018"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE preferences (
            owner text PRIMARY KEY,
            choices jsonb NOT NULL DEFAULT '{}',
            inbox_off boolean NOT NULL DEFAULT false,
            quiet_from time,
            quiet_until time,
            time_zone text,
            updated_at timestamptz NOT NULL DEFAULT clock_timestamp())"""
    )
    op.execute("CREATE INDEX preferences_inbox_off_idx ON preferences (owner) WHERE inbox_off")
    op.execute(
        """CREATE TABLE digests (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            owner text NOT NULL,
            due_at timestamptz NOT NULL,
            closed_at timestamptz,
            CONSTRAINT digests_owner_due_at_key UNIQUE (owner, due_at))"""
    )
    op.execute("CREATE INDEX digests_due_at_idx ON digests (due_at)")
    op.execute(
        """CREATE TABLE digest_entries (
            owner text NOT NULL,
            event_type text NOT NULL,
            event_id bigint NOT NULL,
            digest_id bigint NOT NULL,
            order_id bigint NOT NULL,
            CONSTRAINT digest_entries_pkey PRIMARY KEY (owner, event_type, event_id))"""
    )
    op.execute("CREATE INDEX digest_entries_digest_id_idx ON digest_entries (digest_id)")
    op.execute("CREATE INDEX digest_entries_order_id_idx ON digest_entries (order_id)")
