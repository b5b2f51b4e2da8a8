-- Two queries of the hot path, for changes that its statement did not make; docs/sql/change_status.sql has that one.

-- name: find_by_key(keys json)
-- The result of an earlier change with the same key. :keys: keys with their owners and positions; one that was never
-- used returns no row.
SELECT w.place, (SELECT id FROM outbox WHERE event_type = '{event_type}' AND event_id = e.id), e.effect_bits,
    {head_of_then}, {event_columns}, e.tracking::text
FROM json_to_recordset(:keys) AS w (place int, key text, actor_id bigint, actor_role text)
JOIN {events} e ON (e.idempotency_key, e.actor_id, e.actor_role) = (w.key, w.actor_id, w.actor_role)
JOIN orders o ON o.id = e.order_id

-- name: why_not(asked json)
-- The current state of an order that was not changed. :asked: orders with who asks and their positions; one that is not
-- visible to who asks returns no row.
SELECT w.place, o.status, o.version, {head}, (
    SELECT {event} FROM {events} e WHERE e.order_id = o.id AND e.version = o.version)
FROM json_to_recordset(:asked) AS w (place int, order_id bigint, seller_id bigint, buyer_id bigint, role text)
JOIN orders o ON o.id = w.order_id AND {party}
