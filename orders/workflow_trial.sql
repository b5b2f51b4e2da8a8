-- What has happened, to be replayed through another workflow table.

-- name: past(order, version, piece)
-- Along the key (order, version). Reasons that were erased count as given.
SELECT e.order_id, e.version, e.from_status, e.to_status, e.actor_role, (e.actor_role, e.actor_id) AS actor,
    extract(epoch FROM e.at)::float AS seconds,
    (EXISTS (SELECT FROM order_reasons r WHERE r.event_id = e.id)
        OR EXISTS (SELECT FROM orders o WHERE o.id = e.order_id AND o.buyer_email = '')) AS reasoned
FROM order_events e
WHERE (e.order_id, e.version) > (:order, :version)
    AND e.type IN {moves}
ORDER BY e.order_id, e.version LIMIT :piece

-- name: newest()
-- Where the ranges end.
SELECT coalesce(max(id), 0) FROM orders

-- name: by_status(after, piece)
-- The orders of a range of ids, by where they stand.
SELECT status, open, count(*), min(id) FROM orders WHERE id > :after AND id <= :after + :piece GROUP BY status, open
