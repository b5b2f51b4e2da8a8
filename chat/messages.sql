-- An order's conversation: write, read, export, erase. Messages of the service are written by an effect.

-- name: say(order_id, seller_id, buyer_id, role, id, via, body, client_id, pending, request_id, owner)
-- The message and the outbox entry of its effects: both or neither. Nothing, if the client's id is taken.
WITH said AS (
    INSERT INTO messages (kind, order_id, seller_id, buyer_id, author_role, author_id, author_via, body,
        client_message_id)
    VALUES ('person', :order_id, :seller_id, :buyer_id, :role, :id, :via, :body, :client_id)
    ON CONFLICT DO NOTHING RETURNING *),
entry AS (
    {message_entry})
SELECT said.id, entry.id, {message_said} FROM said, entry

-- name: note(order_id, seller_id, role, id, via, body, client_id, pending, request_id, owner)
-- The same for an internal note; its id is from the sequence of the messages, whose order it joins.
WITH noted AS (
    INSERT INTO internal_notes (id, order_id, seller_id, author_role, author_id, author_via, body, client_message_id)
    VALUES (nextval('messages_id_seq'), :order_id, :seller_id, :role, :id, :via, :body, :client_id)
    ON CONFLICT DO NOTHING RETURNING *),
noted_message AS (
    SELECT {note_columns} FROM noted AS n),
entry AS (
    {note_entry})
SELECT m.id, entry.id, {message} FROM noted_message m, entry

-- name: sent(order_id, role, id, client_id)
-- What this account has sent to the conversation under this id of its client.
SELECT m.kind, m.body, m.author_via, {message} FROM (
    SELECT {message_columns} FROM messages m WHERE order_id = :order_id AND author_role = :role AND author_id = :id
        AND client_message_id = :client_id
    UNION ALL
    SELECT {note_columns} FROM internal_notes n WHERE order_id = :order_id AND author_role = :role AND author_id = :id
        AND client_message_id = :client_id) AS m LIMIT 1

-- fragment: newest
-- A page as JSON text, worded for its reader, and the lowest id on it.
SELECT coalesce('[' || string_agg(message, ',' ORDER BY id) || ']', '[]'), min(id), count(*)

-- fragment: newest_messages
SELECT {message_columns} FROM messages m WHERE order_id = :order_id AND id < :before ORDER BY id DESC LIMIT :limit

-- name: conversation(order_id, role, before, limit)
-- For buyers, and whoever else reads no internal notes: they are not in what is read.
{newest} FROM (SELECT m.id, {message} AS message FROM ({newest_messages}) AS m) AS page

-- name: conversation_with_notes(order_id, role, before, limit)
-- Both, each along its index, as one conversation.
{newest} FROM (
    SELECT m.id, {message} AS message FROM (
        ({newest_messages})
        UNION ALL
        (SELECT {note_columns} FROM internal_notes n WHERE order_id = :order_id AND id < :before
            ORDER BY id DESC LIMIT :limit)
    ) AS m ORDER BY m.id DESC LIMIT :limit) AS page

-- name: erase(orders, piece)
-- Messages of people; those of the service name nobody.
UPDATE messages SET body = '(erased)' WHERE id = ANY(ARRAY(
    SELECT id FROM messages WHERE order_id = ANY(:orders) AND kind = 'person' AND body <> '(erased)'
    LIMIT :piece))

-- name: erase_notes(orders, piece)
-- What was written about the buyer.
UPDATE internal_notes SET body = '(erased)' WHERE id = ANY(ARRAY(
    SELECT id FROM internal_notes WHERE order_id = ANY(:orders) AND body <> '(erased)' LIMIT :piece))

-- name: notes(orders, after, piece)
-- Their live events are erased by these ids.
SELECT id FROM internal_notes WHERE order_id = ANY(:orders) AND id > :after ORDER BY id LIMIT :piece

-- name: export(order, after, piece)
-- Part of the personal data that is handed out on request: what the buyer could read, so no internal notes.
SELECT id, row_to_json(m) FROM messages m WHERE order_id = :order AND id > :after ORDER BY id LIMIT :piece
