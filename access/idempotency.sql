-- Answers that are kept to be given again.

-- fragment: order_ids
-- A JSON path: the orders that an answer tells of.
'$.**.order_id ? (@.type() == "number")'

-- name: find(principal, key)
-- Takes the lock of the key, if nobody has it, and looks for the answer that is kept.
SELECT pg_try_advisory_xact_lock(hashtextextended(:principal || ' ' || :key, 0) | {hashed}),
    k.fingerprint, k.status, k.body
FROM (SELECT 1) AS one LEFT JOIN idempotency_keys k ON k.principal = :principal AND k.key = :key

-- name: keep(principal, key, fingerprint, status, body)
-- Old ones go with each new one, so that no job has to delete them.
WITH old AS (DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE created_at < clock_timestamp() - interval '{kept_hours} h'
    ORDER BY created_at LIMIT {pruned} FOR UPDATE SKIP LOCKED)))
INSERT INTO idempotency_keys (principal, key, fingerprint, status, body, order_ids)
VALUES (:principal, :key, :fingerprint, :status, :body, ARRAY(
    SELECT DISTINCT CAST(id AS bigint) FROM jsonb_path_query(CAST(:body AS jsonb), {order_ids}) AS id))

-- name: forget(orders, piece)
-- Answers that tell of these orders, whomever they were given to.
UPDATE idempotency_keys SET body = NULL, order_ids = '{}' WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE order_ids && CAST(:orders AS bigint[]) LIMIT :piece FOR UPDATE))

-- name: forget_own(who, piece)
-- What somebody was answered.
UPDATE idempotency_keys SET body = NULL, order_ids = '{}' WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE principal = :who AND body IS NOT NULL LIMIT :piece FOR UPDATE))

-- name: forget_without_orders(created_at, principal, key, orders, piece)
-- What a version of before kept does not say which orders it tells of: all of it is looked through, for a day.
WITH found AS MATERIALIZED (
    SELECT ctid AS at, created_at, principal, key, ARRAY(
        SELECT DISTINCT CAST(id AS bigint) FROM jsonb_path_query(CAST(body AS jsonb), {order_ids}) AS id)
        && CAST(:orders AS bigint[]) AS tells
    FROM idempotency_keys WHERE order_ids IS NULL AND body IS NOT NULL
        AND (created_at, principal, key) > (:created_at, :principal, :key)
    ORDER BY created_at, principal, key LIMIT :piece FOR UPDATE),
gone AS (UPDATE idempotency_keys SET body = NULL WHERE ctid = ANY(ARRAY(SELECT at FROM found WHERE tells)))
SELECT created_at, principal, key FROM found ORDER BY created_at DESC, principal DESC, key DESC
