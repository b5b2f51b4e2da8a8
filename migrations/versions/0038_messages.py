"""Internal notes, seen marks, and ids of messages that clients choose.

Notes have a table of their own: whatever reads a conversation for a buyer, a process of the version before among it,
reads a table that has none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None
works_with = "0018"

INDEXES = {
    "messages_client_message_id_key": "UNIQUE messages (order_id, author_role, author_id, client_message_id)"
    " WHERE client_message_id IS NOT NULL"
}


def upgrade() -> None:
    op.add_column("messages", sa.Column("client_message_id", sa.Text()))
    op.execute(
        """CREATE TABLE internal_notes (
            id bigint PRIMARY KEY,
            order_id bigint NOT NULL,
            seller_id bigint NOT NULL,
            author_role text NOT NULL,
            author_id bigint NOT NULL,
            author_via text,
            body text NOT NULL,
            client_message_id text,
            created_at timestamptz NOT NULL DEFAULT clock_timestamp())"""
    )
    op.execute("CREATE INDEX internal_notes_order_id_id_idx ON internal_notes (order_id, id)")
    op.execute(
        """CREATE UNIQUE INDEX internal_notes_client_message_id_key
        ON internal_notes (order_id, author_role, author_id, client_message_id) WHERE client_message_id IS NOT NULL"""
    )
    op.execute("CREATE SEQUENCE message_marks_seq")
    op.execute(
        """CREATE TABLE message_marks (
            order_id bigint NOT NULL,
            reader_role text NOT NULL,
            reader_id bigint NOT NULL,
            reader_via text NOT NULL,
            id bigint NOT NULL,
            seller_id bigint NOT NULL,
            buyer_id bigint NOT NULL,
            up_to bigint,
            notes_up_to bigint,
            at timestamptz NOT NULL,
            CONSTRAINT message_marks_pkey PRIMARY KEY (order_id, reader_role, reader_id, reader_via),
            CONSTRAINT message_marks_id_key UNIQUE (id))"""
    )
