"""Which streams have received an event; and an order is found by the id of a request that changed it."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0044"
branch_labels = None
depends_on = None
works_with = "0018"

INDEXES = {
    "stream_readers_channel_opened_at_idx": "stream_readers (channel, opened_at)",
    "stream_readers_opened_at_idx": "stream_readers (opened_at)",
    "order_events_request_id_idx": "order_events USING brin (request_id text_bloom_ops) "
    "WITH (pages_per_range = 16, autosummarize = true)",
}


def upgrade() -> None:
    op.create_table(
        "stream_readers",
        sa.Column("stream", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("process", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("via", sa.Text()),
        sa.Column("received_from", sa.BigInteger(), nullable=False),
        sa.Column("received_through", sa.BigInteger()),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        _moment("opened_at", server_default=sa.text("clock_timestamp()"), nullable=False),
        _moment("ended_at"),
        sa.PrimaryKeyConstraint("stream", "channel", name=op.f("stream_readers_pkey")),
    )


def _moment(name: str, **more: object) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), **more)  # type: ignore[arg-type]
