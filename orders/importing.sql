-- Orders that come from another system, with their history.

-- name: alone()
-- Before anything is read: two imports of the same file would wait for each other's orders, in the orders of their files.
SELECT pg_advisory_xact_lock({lock})

-- name: known(external_ids)
-- Those that exist already, each with the digest of the line that brought it.
SELECT external_id, order_id AS id, encode(digest, 'hex') AS digest
FROM order_imports WHERE external_id = ANY(:external_ids)
UNION ALL SELECT o.external_id, o.id, NULL FROM orders o WHERE o.external_id = ANY(:external_ids)
    AND NOT EXISTS (SELECT FROM order_imports i WHERE i.external_id = o.external_id)

-- name: place(orders, mark, role, id, via, request_id)
-- The orders and their histories: all that is no contradiction to what exists. No effect is pending, and no key of a
-- client contains a blank.
WITH wanted AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('orders', 'id')) AS id, n.*
    FROM json_to_recordset(CAST(:orders AS json)) AS n (external_id text, number text, status text, version int,
        open boolean, closed_as text, seller_id bigint, buyer_id bigint, buyer_name text, buyer_email text, items json,
        total_minor bigint, currency text, created_at timestamptz, updated_at timestamptz, history json, digest text,
        terms text[], tracking json, parcels json, delivery jsonb, note text, due_at timestamptz, due_fixed boolean,
        metadata json, tags text[])),
placed AS (
    INSERT INTO orders (id, number, status, version, open, closed_as, seller_id, buyer_id, buyer_name,
        buyer_email, items, total_minor, currency, external_id, tracking, parcels, delivery, note, due_at, due_fixed,
        metadata, tags, created_at, updated_at)
    SELECT id, coalesce(number, id || :mark), status, version, open, closed_as, seller_id, buyer_id,
        buyer_name, buyer_email, items, total_minor, currency, external_id, tracking, parcels, delivery, note, due_at,
        due_fixed, metadata, tags, created_at, updated_at
    FROM wanted ORDER BY id
    ON CONFLICT DO NOTHING RETURNING id, number),
searched AS (
    INSERT INTO order_search (order_id, document, folded)
    SELECT w.id, array_to_tsvector(w.terms || CASE WHEN w.number IS NULL THEN string_to_array(placed.number, '-') END), true
    FROM placed JOIN wanted w ON w.id = placed.id),
lines AS (
    INSERT INTO order_imports (order_id, external_id, digest)
    SELECT w.id, w.external_id, decode(w.digest, 'hex') FROM placed JOIN wanted w ON w.id = placed.id),
pasts AS MATERIALIZED (
    SELECT w.id AS order_id, w.seller_id, w.buyer_id, e.*
    FROM placed JOIN wanted w ON w.id = placed.id CROSS JOIN LATERAL json_to_recordset(w.history) AS e
        (version int, from_status text, status text, role text, actor_id bigint, reason text, at timestamptz)),
events AS (
    INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, actor_via,
        seller_id, buyer_id, effect_bits, idempotency_key, request_id, at)
    SELECT order_id, version, CASE WHEN version = 1 THEN 'order.created' ELSE 'order.status_changed' END, from_status,
        status, coalesce(role, :role), coalesce(actor_id, :id), CASE WHEN role IS NULL THEN :via END, seller_id, buyer_id, 0,
        'import ' || order_id || ' ' || version, :request_id, at
    FROM pasts ORDER BY order_id, version
    RETURNING id, order_id, version),
reasons AS (
    INSERT INTO order_reasons (event_id, reason)
    SELECT events.id, pasts.reason FROM pasts JOIN events ON (events.order_id, events.version) = (pasts.order_id, pasts.version)
    WHERE pasts.reason IS NOT NULL)
SELECT w.external_id, w.id FROM placed JOIN wanted w ON w.id = placed.id

-- name: refresh()
-- Once, at the end. Tables are sampled, so this takes a second or two however large they are; on a slow disk longer.
SET LOCAL statement_timeout = '5min';
ANALYZE orders, order_search, order_events, order_reasons, order_imports, side_effects
