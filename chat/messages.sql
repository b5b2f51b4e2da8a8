-- An order's conversation: write, read, export, erase. Messages of the service are written by an effect.

-- name: say(order_id, seller_id, buyer_id, role, id, via, body, request_id, owner)
-- The message and the outbox entry of its live events: both or neither.
WITH said AS (
    INSERT INTO messages (kind, order_id, seller_id, buyer_id, author_role, author_id, author_via, body)
    VALUES ('person', :order_id, :seller_id, :buyer_id, :role, :id, :via, :body) RETURNING *),
entry AS (
    {entry})
SELECT said.id, entry.id, {message_said} FROM said, entry

-- name: conversation(order_id, role, before, limit)
-- A page as JSON text, worded for its reader, and the lowest id on it.
SELECT coalesce('[' || string_agg(message, ',' ORDER BY id) || ']', '[]'), min(id), count(*) FROM (
    SELECT m.id, {message} AS message
    FROM messages m WHERE order_id = :order_id AND id < :before ORDER BY id DESC LIMIT :limit) AS newest

-- name: erase(orders, piece)
-- Messages of people; those of the service name nobody.
UPDATE messages SET body = '(erased)' WHERE id = ANY(ARRAY(
    SELECT id FROM messages WHERE order_id = ANY(:orders) AND kind = 'person' AND body <> '(erased)'
    LIMIT :piece))

-- name: export(order, after, piece)
-- Part of the personal data that is handed out on request.
SELECT id, row_to_json(m) FROM messages m WHERE order_id = :order AND id > :after ORDER BY id LIMIT :piece
