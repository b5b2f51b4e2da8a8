-- Whom an e-mail about a message is for.

-- name: mail_of_message(message_id bigint)
-- Read at each attempt, so that a mended address gets it. `author_via` is the person who wrote it, if it was one.
SELECT o.buyer_email, {language}, o.buyer_name, o.number, o.id, o.seller_id, o.buyer_id, m.author_via,
    s.name, s.logo, s.colour, s.reply_to
FROM messages m JOIN orders o ON o.id = m.order_id LEFT JOIN sellers s ON s.id = o.seller_id
WHERE m.id = :message_id
