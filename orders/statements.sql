-- The two questions of the hot path, asked when its statement did nothing; docs/sql/change_status.sql shows that one.

-- name: find_by_key(keys json)
-- What a change did whose key was used before. :keys: keys and whose they are, each with its place; one that was not
-- used comes back with no row.
SELECT w.place, (SELECT id FROM outbox WHERE event_type = '{event_type}' AND event_id = e.id), e.effect_bits,
    {head_of_then}, {event_columns}, e.tracking::text
FROM json_to_recordset(:keys) AS w (place int, key text, actor_id bigint, actor_role text)
JOIN {events} e ON (e.idempotency_key, e.actor_id, e.actor_role) = (w.key, w.actor_id, w.actor_role)
JOIN orders o ON o.id = e.order_id

-- name: why_not(asked json)
-- How an order stands that was not changed. :asked: orders and who asks for them, each with its place; one that is not
-- there for who asks comes back with no row.
SELECT w.place, o.status, o.version, {head}, (
    SELECT {event} FROM {events} e WHERE e.order_id = o.id AND e.version = o.version)
FROM json_to_recordset(:asked) AS w (place int, order_id bigint, seller_id bigint, buyer_id bigint)
JOIN orders o ON o.id = w.order_id AND {party}
