-- Stored responses to requests with an Idempotency-Key.

-- fragment: order_ids
-- A JSON path: the orders that a response mentions.
'$.**.order_id ? (@.type() == "number")'

-- name: find(principal, key)
-- Tries to lock the key, and looks for a stored response.
SELECT pg_try_advisory_xact_lock(hashtextextended(:principal || ' ' || :key, 0) | {hashed}),
    k.fingerprint, k.status, k.body
FROM (SELECT 1) AS one LEFT JOIN idempotency_keys k ON k.principal = :principal AND k.key = :key

-- name: keep(principal, key, fingerprint, status, body)
-- Every new row deletes some old ones, so no job has to.
WITH old AS (DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE created_at < clock_timestamp() - interval '{kept_hours} h'
    ORDER BY created_at LIMIT {pruned} FOR UPDATE SKIP LOCKED)))
INSERT INTO idempotency_keys (principal, key, fingerprint, status, body, order_ids)
VALUES (:principal, :key, :fingerprint, :status, :body, ARRAY(
    SELECT DISTINCT CAST(id AS bigint) FROM jsonb_path_query(CAST(:body AS jsonb), {order_ids}) AS id))

-- name: forget(orders, piece)
-- Responses that mention these orders, to whomever they were given.
UPDATE idempotency_keys SET body = NULL, order_ids = '{}' WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE order_ids && CAST(:orders AS bigint[]) LIMIT :piece FOR UPDATE))

-- name: forget_own(who, piece)
-- Responses to one principal.
UPDATE idempotency_keys SET body = NULL, order_ids = '{}' WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE principal = :who AND body IS NOT NULL LIMIT :piece FOR UPDATE))

-- name: forget_without_orders(created_at, principal, key, orders, piece)
-- An earlier version stored responses without the orders that they mention: for a day, all of these are searched.
WITH found AS MATERIALIZED (
    SELECT ctid AS at, created_at, principal, key, ARRAY(
        SELECT DISTINCT CAST(id AS bigint) FROM jsonb_path_query(CAST(body AS jsonb), {order_ids}) AS id)
        && CAST(:orders AS bigint[]) AS mentioned
    FROM idempotency_keys WHERE order_ids IS NULL AND body IS NOT NULL
        AND (created_at, principal, key) > (:created_at, :principal, :key)
    ORDER BY created_at, principal, key LIMIT :piece FOR UPDATE),
erased AS (UPDATE idempotency_keys SET body = NULL WHERE ctid = ANY(ARRAY(SELECT at FROM found WHERE mentioned)))
SELECT created_at, principal, key FROM found ORDER BY created_at DESC, principal DESC, key DESC
