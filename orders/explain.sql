-- Who was notified of one event of an order, and what became of it.

-- name: explained_event(order_id, event_id)
-- The event; the latest one without an id.
SELECT e.id, e.order_id, e.type, e.version, e.to_status, e.at, e.actor_role, e.notify, e.buyer_id, e.seller_id,
    e.changed IS NULL OR e.type = '{resent}' AS notifies,
    coalesce((SELECT bit_or(pending) FROM outbox WHERE event_type = 'order' AND event_id = e.id), 0) AS pending
FROM order_events e
WHERE e.order_id = :order_id AND (CAST(:event_id AS bigint) IS NULL OR e.id = :event_id)
ORDER BY e.version DESC LIMIT 1

-- name: explained_inbox(event_id)
-- The notifications of it, by side.
SELECT recipient_role, min(created_at), max(read_at) FROM notifications WHERE event_id = :event_id AND kind IN ('generic', 'status')
GROUP BY recipient_role

-- name: explained_emails(event_id)
-- The e-mails of it, and the digests that collected them.
SELECT s.kind, s.destination, s.status, s.attempts, s.scheduled_at, s.finished_at, s.last_error FROM side_effects s
WHERE s.event_type = 'order' AND s.event_id = :event_id AND s.kind LIKE 'email.%' ORDER BY s.kind, s.destination

-- name: explained_digests(order_id, event_id)
-- The digests that it is in, each with its e-mail.
SELECT d.owner, g.due_at, s.status, s.finished_at, s.last_error FROM digest_entries d
JOIN digests g ON g.id = d.digest_id
LEFT JOIN side_effects s ON s.event_type = 'digest' AND s.event_id = g.id AND s.kind = 'email.digest'
WHERE d.order_id = :order_id AND d.event_type = 'order' AND d.event_id = :event_id ORDER BY d.owner
