-- The state of the database as a whole.

-- name: state()
-- In one round trip; it fails where our tables do not exist.
-- The newest migration left the comment: the oldest revision whose version works with this schema.
SELECT (SELECT version_num FROM alembic_version), obj_description('alembic_version'::regclass, 'pg_class'),
    current_setting('transaction_read_only')::boolean
