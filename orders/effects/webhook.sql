-- What deliveries to webhooks say.

-- name: read_order_events(ids bigint[], roles text[])
-- Read at each attempt, as the receiver may read it: what was erased or mended meanwhile is sent as it is now.
SELECT e.id, r.role, e.type, to_json(e.at) #>> '{}', e.version, e.order_id, o.status, {head}, {event}, {actor}
FROM unnest(:ids, :roles) AS r (id, role)
CROSS JOIN LATERAL (SELECT * FROM {events} AS one WHERE one.id = r.id OFFSET 0) AS e
CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = e.order_id OFFSET 0) AS o
