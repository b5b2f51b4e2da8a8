-- The conversations of a reader's orders.

-- fragment: conversations
-- What people wrote, not what the service reports, which the history shows anyway. OFFSET 0 keeps each look-up by its
-- key.
CROSS JOIN LATERAL (
    SELECT m.id, m.body, m.author_role, m.author_id, m.author_via, m.created_at FROM messages m
    WHERE m.order_id = o.id AND m.kind = 'person' ORDER BY m.id DESC LIMIT 1) AS newest
CROSS JOIN LATERAL (
    SELECT coalesce(max(k.up_to), 0) AS up_to FROM message_marks k
    WHERE k.order_id = o.id AND k.reader_role = :role AND k.reader_id = :id AND k.reader_via = :via OFFSET 0) AS mine
CROSS JOIN LATERAL (
    SELECT newest.id > mine.up_to AND (newest.author_role, newest.author_id, coalesce(newest.author_via, ''))
        IS DISTINCT FROM (:role, :id, :via) AS unread) AS news
ORDER BY news.unread DESC, newest.id DESC LIMIT :most

-- fragment: conversation
SELECT o.id AS order_id, o.number, o.status, o.buyer_name, o.seller_id, newest.body, newest.author_role,
    newest.author_id, newest.author_via, to_json(newest.created_at) #>> '{}' AS at, news.unread

-- name: of_seller(seller, role, id, via, newest, most)
-- Of the newest orders of a shop, unread ones first.
{conversation} FROM (SELECT * FROM orders WHERE seller_id = :seller ORDER BY id DESC LIMIT :newest) AS o
{conversations}

-- name: of_all(role, id, via, newest, most)
-- Of the newest orders of all shops.
{conversation} FROM (SELECT * FROM orders ORDER BY id DESC LIMIT :newest) AS o
{conversations}
