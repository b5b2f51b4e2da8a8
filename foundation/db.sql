-- The state of the database as a whole.

-- name: state()
-- In one round trip; it fails where our tables do not exist.
SELECT (SELECT version_num FROM alembic_version), current_setting('transaction_read_only')::boolean
