"""The last of the chain: tables and columns get the field's names, and the database is at the baseline."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = (("order_words", "order_search"), ("sign_in_tries", "sign_in_attempts"))
COLUMNS = (
    ("order_search", "words", "document"),
    ("stream_tickets", "proof", "credential"),
    ("stream_tickets", "proof_ends", "credential_expires"),
)
INDEXES = (
    ("order_words_pkey", "order_search_pkey"),
    ("order_words_words_idx", "order_search_document_idx"),
    ("sign_in_tries_pkey", "sign_in_attempts_pkey"),
    ("sign_in_tries_since_idx", "sign_in_attempts_since_idx"),
)
# PostgreSQL 18 gives these constraints names too, and keeps them when a column is renamed.
NOT_NULL = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT c.conrelid::regclass AS table_name, c.conname AS old,
            format('%s_%s_not_null', t.relname, a.attname) AS new
        FROM pg_constraint c
        JOIN pg_class t ON t.oid = c.conrelid
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'n' AND t.relnamespace = current_schema()::regnamespace
            AND c.conname <> format('%s_%s_not_null', t.relname, a.attname)
    LOOP
        EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', found.table_name, found.old, found.new);
    END LOOP;
END $$
"""
# Their bodies name the table; the triggers keep calling them.
SEARCH_TRIGGERS = """
DROP TRIGGER add_words ON orders;
DROP TRIGGER change_words ON orders;
DROP FUNCTION add_order_words();
DROP FUNCTION change_order_words();
CREATE FUNCTION insert_order_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_search (order_id, document) SELECT id, search_document(number, buyer_name) FROM placed;
    RETURN NULL;
END $$;
CREATE FUNCTION update_order_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE order_search SET document = search_document(NEW.number, NEW.buyer_name) WHERE order_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER insert_order_search AFTER INSERT ON orders
    REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION insert_order_search();
CREATE TRIGGER update_order_search AFTER UPDATE OF number, buyer_name ON orders
    FOR EACH ROW EXECUTE FUNCTION update_order_search();
"""

# As the baseline writes them, so that the catalogues are equal.
DEFAULTS = (("outbox", "owner"), ("side_effects", "owner"), ("realtime_log", "pruned_through"))


def upgrade() -> None:
    for old, new in TABLES:
        op.rename_table(old, new)
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    for old, new in INDEXES:
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
    for table, column in DEFAULTS:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT 0")
    op.execute(SEARCH_TRIGGERS)
    op.get_bind().execution_options(no_parameters=True).exec_driver_sql(NOT_NULL)
