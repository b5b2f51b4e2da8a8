-- The state of the database as a whole.

-- name: state()
-- In one round trip, and it fails where there are no tables of ours.
SELECT (SELECT version_num FROM alembic_version), current_setting('transaction_read_only')::boolean
