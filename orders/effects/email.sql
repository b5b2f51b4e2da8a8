-- What an e-mail says, and to whom.

-- name: mail_of_event(event_id bigint)
-- Read at each attempt, so that a mended address gets it and an erased one does not. Sent again, it has the reason of the
-- change that it was sent for.
SELECT o.buyer_email, {language}, o.buyer_name, o.number, e.type, e.to_status, coalesce(e.reason, (
        SELECT r.reason FROM order_events m JOIN order_reasons r ON r.event_id = m.id
        WHERE e.changed IS NOT NULL AND m.order_id = e.order_id AND m.version < e.version AND m.changed IS NULL
        ORDER BY m.version DESC LIMIT 1)),
    {parcels}, o.id, o.buyer_id, s.name, s.logo, s.colour, s.reply_to
FROM {events} e JOIN orders o ON o.id = e.order_id LEFT JOIN sellers s ON s.id = o.seller_id
WHERE e.id = :event_id
