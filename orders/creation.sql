-- Placing orders.

-- name: place(number, mark, status, open, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency, external_id, tracking, parcels, delivery, note, due_at, due_fixed, due, metadata, tags, role, id, via, effect_bits, key, request_id, owner, terms)
-- The order, what it is found by, the first row of its history and the outbox entry: all or nothing. A number that
-- nobody named is the id.
WITH fresh AS (SELECT nextval(pg_get_serial_sequence('orders', 'id')) AS id, clock_timestamp() AS at),
placed AS (
    INSERT INTO orders (id, number, status, open, seller_id, buyer_id, buyer_name, buyer_email, items,
           total_minor, currency, external_id, tracking, parcels, delivery, note, due_at, due_fixed, metadata, tags, created_at,
           updated_at)
    SELECT id, coalesce(:number, id || :mark), :status, :open, :seller_id, :buyer_id, :buyer_name, :buyer_email,
           :items, :total_minor, :currency, :external_id, CAST(:tracking AS json), CAST(:parcels AS json),
           CAST(:delivery AS jsonb), :note, coalesce(CAST(:due_at AS timestamptz), at + make_interval(secs => :due)),
           CAST(:due_fixed AS boolean), CAST(:metadata AS json),
           CAST(:tags AS text[]), at, at FROM fresh
    RETURNING *),
searched AS (
    INSERT INTO order_search (order_id, document, folded)
    SELECT id, array_to_tsvector(CAST(:terms AS text[])
               || CASE WHEN :number IS NULL THEN string_to_array(number, '-') ELSE '{}' END), true
    FROM placed),
e AS (
    INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, actor_via, seller_id,
           buyer_id, tracking, effect_bits, idempotency_key, request_id, at)
    SELECT id, version, 'order.created', status, :role, :id, :via, seller_id,
           buyer_id, tracking, :effect_bits, :key, :request_id, created_at
    FROM placed RETURNING {written}),
entry AS (
    {entry})
SELECT entry.id, {head}, {columns} FROM placed, e, entry

-- name: placed_before(key, id, role)
-- The result of an earlier request with the same key, and what it sent: the order as it was placed, whatever has
-- happened since.
SELECT {head_as_placed},
    o.id, o.number, e.type, o.seller_id, o.buyer_id, o.items::text, o.currency, o.buyer_name, o.buyer_email,
    o.external_id, o.parcels, o.delivery, o.note, o.metadata, o.tags, e.tracking
FROM order_events e JOIN orders today ON today.id = e.order_id CROSS JOIN LATERAL {as_it_was} AS o
WHERE e.idempotency_key = :key AND e.actor_id = :id AND e.actor_role = :role
