-- What an e-mail says, and to whom.

-- name: mail_of_event(event_id bigint)
-- Read at each attempt, so that an erased address gets no mail.
SELECT o.buyer_email, o.buyer_name, o.number, e.type, e.to_status, e.reason, o.id, o.buyer_id, s.name, s.reply_to
FROM {events} e JOIN orders o ON o.id = e.order_id LEFT JOIN sellers s ON s.id = o.seller_id WHERE e.id = :event_id
