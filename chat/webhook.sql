-- What deliveries of messages say.

-- name: read_messages(ids bigint[], roles text[])
-- Read at each attempt: what was erased meanwhile is sent as it is now.
SELECT m.id, r.role, to_json(m.created_at) #>> '{}', m.order_id, {message}
FROM unnest(:ids, :roles) AS r (id, role)
CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = r.id OFFSET 0) AS m
