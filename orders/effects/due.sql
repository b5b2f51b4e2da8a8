-- What decides whether an e-mail about a change is sent, and when.

-- name: notified_event(event_id bigint)
-- The change that it is about.
SELECT type, to_status, buyer_id, changed IS NULL FROM order_events WHERE id = :event_id
