-- What followed the events and the messages of one order, for its page. Each row is looked up by a key.

-- name: consequences(events, messages, seller, every_endpoint)
-- E-mails and webhook deliveries; a seller's people see those to endpoints of the shop.
SELECT s.id, s.event_type, s.event_id, s.kind, s.status, s.attempts, s.last_error, coalesce(s.finished_at, s.created_at) AS at
FROM side_effects s
WHERE s.event_type = 'order' AND s.event_id = ANY(:events) AND (s.kind LIKE 'email.%' OR (s.kind = '{delivery}' AND (
    :every_endpoint OR EXISTS (SELECT FROM webhook_endpoints w WHERE w.id = {endpoint_of_s} AND w.seller_id = :seller))))
UNION ALL
SELECT s.id, s.event_type, s.event_id, s.kind, s.status, s.attempts, s.last_error, coalesce(s.finished_at, s.created_at) AS at
FROM side_effects s
WHERE s.event_type = '{message}' AND s.event_id = ANY(:messages) AND s.kind LIKE 'email.%'

-- name: buyer_notified(order_id, most)
-- The newest changes in the buyer's inbox: when each came, and when it was read.
SELECT event_id, min(created_at) AS at, max(read_at) AS read_at FROM (
    SELECT event_id, kind, created_at, read_at FROM notifications
    WHERE order_id = :order_id AND recipient_role = 'buyer' ORDER BY id DESC LIMIT :most) AS newest
WHERE kind IN ('generic', 'status') GROUP BY event_id
