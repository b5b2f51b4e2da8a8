-- Two queries of the hot path, for changes that its statement did not make; docs/sql/change_status.sql has that one.

-- name: find_by_key(keys json)
-- The result of an earlier change with the same key. :keys: keys with their owners and positions; one that was never
-- used returns no row.
SELECT w.place, entry.id, entry.pending, {head_of_then}, {event_columns}, e.notify, e.tracking::text, e.undoes
FROM json_to_recordset(:keys) AS w (place int, key text, actor_id bigint, actor_role text)
JOIN {events} e ON (e.idempotency_key, e.actor_id, e.actor_role) = (w.key, w.actor_id, w.actor_role)
JOIN orders today ON today.id = e.order_id CROSS JOIN LATERAL {as_it_was} AS o
LEFT JOIN LATERAL (SELECT id, pending FROM outbox
    WHERE order_id = e.order_id AND event_type = '{event_type}' AND event_id = e.id AND owner + 0 <> {held} OFFSET 0) AS entry ON true

-- name: why_not(asked json)
-- The current state of an order that was not changed. :asked: orders with who asks and their positions; one that is not
-- visible to who asks returns no row. The last column: how many seconds ago who asks gave the order its status, NULL if
-- somebody else did.
SELECT w.place, o.status, o.version, {head}, (
    SELECT {event} FROM {events} e WHERE e.order_id = o.id AND e.version = o.version), (
    SELECT CASE WHEN (l.actor_role, l.actor_id) = (w.role, w.actor_id)
        THEN extract(epoch FROM clock_timestamp() - l.at)::float END
    FROM order_events l WHERE l.order_id = o.id AND l.type IN {moves} ORDER BY l.version DESC LIMIT 1)
FROM json_to_recordset(:asked)
    AS w (place int, order_id bigint, seller_id bigint, buyer_id bigint, role text, actor_id bigint)
JOIN orders o ON o.id = w.order_id AND {party}

-- name: latest(asked json)
-- The latest event of an order, with the order as it is now. :asked: orders with who asks and their positions; one that
-- is not visible to who asks returns no row. The last three columns: whether who asks made the change, whether it was
-- held, and whether its hold lasts.
SELECT w.place, o.version, o.status, {head}, e.id, e.version, e.from_status, e.to_status, e.notify, {event},
    (e.actor_role, e.actor_id, coalesce(e.actor_via, '')) = (w.role, w.actor_id, w.actor_via),
    e.held IS NOT NULL, coalesce((e.held ->> 'until')::timestamptz > clock_timestamp(), false)
FROM json_to_recordset(:asked)
    AS w (place int, order_id bigint, seller_id bigint, buyer_id bigint, role text, actor_id bigint, actor_via text)
JOIN orders o ON o.id = w.order_id AND {party}
CROSS JOIN LATERAL (SELECT * FROM {events} AS one WHERE one.order_id = o.id AND one.version = o.version OFFSET 0) AS e
