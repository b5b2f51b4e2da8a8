-- An order's conversation: read, exported, erased. What writes to it is composed where it belongs.

-- name: conversation(order_id, role, before, limit)
-- A page as JSON text, in the words for its reader, and where the earlier ones begin.
SELECT coalesce('[' || string_agg(message, ',' ORDER BY id) || ']', '[]'), min(id), count(*) FROM (
    SELECT m.id, {message} AS message
    FROM messages m WHERE order_id = :order_id AND id < :before ORDER BY id DESC LIMIT :limit) AS newest

-- name: erase(orders, piece)
-- What people said; what the service said names nobody.
UPDATE messages SET body = '(erased)' WHERE id = ANY(ARRAY(
    SELECT id FROM messages WHERE order_id = ANY(:orders) AND kind = 'person' AND body <> '(erased)'
    LIMIT :piece))

-- name: export(order, after, piece)
-- What is told to somebody who asks for their personal data.
SELECT id, row_to_json(m) FROM messages m WHERE order_id = :order AND id > :after ORDER BY id LIMIT :piece
