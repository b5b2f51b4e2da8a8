-- Changes of an order that leave its status.

-- fragment: party
-- Limits orders `o` to those of a seller or a buyer; NULL limits nothing.
(CAST(:seller AS bigint) IS NULL OR o.seller_id = CAST(:seller AS bigint))
    AND (CAST(:buyer AS bigint) IS NULL OR o.buyer_id = CAST(:buyer AS bigint))

-- name: lock(order_id, seller, buyer, role)
-- The order as it is: nobody changes it until the edit is committed.
SELECT o.id, o.status, o.version, o.open, {of_order}, {head} AS head FROM orders o WHERE o.id = :order_id AND {party}
FOR NO KEY UPDATE

-- name: last_event(order_id, role)
-- What the order has become what it is by; after the lock, or it might be an earlier one.
SELECT {event} FROM {events} e WHERE e.order_id = :order_id ORDER BY e.version DESC LIMIT 1

-- name: edit(order_id, type, after, before, changed, role, id, via, effect_bits, key, request_id, owner)
-- The order, a row of its history, the values beside it and the outbox entry: all or nothing. A column that is not
-- among the new values keeps its own.
WITH edited AS (
    UPDATE orders o SET version = version + 1, updated_at = clock_timestamp(), ({edited}) = (
        SELECT {of_values} FROM json_populate_record(o, CAST(:after AS json)) AS new)
    WHERE id = :order_id RETURNING *),
e AS (
    INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, actor_via, seller_id,
           buyer_id, changed, effect_bits, idempotency_key, request_id, at)
    SELECT id, version, :type, status, status, :role, :id, :via, seller_id,
           buyer_id, :changed, :effect_bits, :key, :request_id, updated_at
    FROM edited RETURNING {written}),
kept AS (
    INSERT INTO order_edits (event_id, before, after)
    SELECT id, CAST(:before AS json), CAST(:after AS json) FROM e WHERE CAST(:before AS json) IS NOT NULL),
entry AS (
    {entry})
SELECT entry.id, edited.status, {head_edited}, {columns} FROM edited, e, entry
