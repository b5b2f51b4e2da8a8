"""The words of orders in a table of their own, which no status change writes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Triggers, so that nothing that writes orders can forget it. The one for changes is asked for these columns only.
KEEP_WORDS = """
CREATE FUNCTION add_order_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_words (order_id, words) SELECT id, search_document(number, buyer_name) FROM placed;
    RETURN NULL;
END $$;
CREATE FUNCTION change_order_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE order_words SET words = search_document(NEW.number, NEW.buyer_name) WHERE order_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER add_words AFTER INSERT ON orders
    REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION add_order_words();
CREATE TRIGGER change_words AFTER UPDATE OF number, buyer_name ON orders
    FOR EACH ROW EXECUTE FUNCTION change_order_words();
"""


def upgrade() -> None:
    op.drop_index("orders_search_idx", table_name="orders")
    op.create_table(
        "order_words",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("order_words_pkey")),
    )
    op.execute("INSERT INTO order_words (order_id, words) SELECT id, search_document(number, buyer_name) FROM orders")
    op.create_index(
        "order_words_words_idx",
        "order_words",
        ["words"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": False},
    )
    op.execute(KEEP_WORDS)
