"""What the lists of orders look things up by: words for the search, a range index for dates."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Signs separate words, in numbers and names alike. Both sides of the search are cut by this one function. (RETURN binds
# what a body names when it is made; a restored dump would look for it in vain while it builds the index.)
SEARCH_WORDS = r"""
CREATE FUNCTION search_words(words text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_remove(regexp_split_to_array(lower(words), '[][\s!"#$%&''()*+,./:;<=>?@\\^_`{|}~-]+'), '')
"""
SEARCH_DOCUMENT = """
CREATE FUNCTION search_document(number text, name text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_to_tsvector(search_words(number || ' ' || name))
"""
# Each word of the search has to begin a word of the order. A function, so that it is a constant when it is planned.
SEARCH_QUERY = """
CREATE FUNCTION search_query(words text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT string_agg('''' || word || ''':*', ' & ')::tsquery FROM unnest(search_words(words)) AS word)
"""


def upgrade() -> None:
    op.execute(SEARCH_WORDS)
    op.execute(SEARCH_DOCUMENT)
    op.execute(SEARCH_QUERY)
    op.create_index(
        "orders_search_idx",
        "orders",
        [sa.text("search_document(number, buyer_name)")],
        postgresql_using="gin",
        postgresql_with={"fastupdate": False},
    )
    op.create_index(
        "orders_created_at_idx",
        "orders",
        ["created_at"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": True},
    )
