-- What is recorded about one event of an order, each part by a key.

-- name: explained_event(order_id, event_id)
-- The event; the latest one without an id.
SELECT e.id, e.order_id, e.type, e.version, e.from_status, e.to_status, e.at, e.actor_role, e.actor_via, e.notify,
    e.buyer_id, e.seller_id, e.effect_bits, e.request_id, e.changed IS NOT NULL AS edited,
    e.type = '{resent}' AS resent, (SELECT buyer_email = '' FROM orders WHERE id = e.order_id) AS erased,
    {actor} AS actor, clock_timestamp() AS now
FROM order_events e
WHERE e.order_id = :order_id AND (CAST(:event_id AS bigint) IS NULL OR e.id = :event_id)
ORDER BY e.version DESC LIMIT 1

-- name: explained_entries(order_id, event_id)
-- Its entries in the outbox, with whether their process is alive.
WITH {living}
SELECT pending, owner, lease_until, owner IN (SELECT owner FROM living) AS lives FROM outbox
WHERE order_id = :order_id AND event_type = '{event_type}' AND event_id = :event_id

-- fragment: earlier
-- What has to go before `s`, as the claims ask for it.
coalesce(
    (SELECT min(b.event_id) FROM side_effects b WHERE b.order_id = s.order_id AND b.kind = s.kind
        AND b.destination = s.destination AND b.event_id < s.event_id AND b.status IN ('pending', 'running')
        AND (b.kind = '{deliveries}'
            OR NOT (b.attempts = 0 AND b.status = 'pending' AND b.scheduled_at > clock_timestamp()))),
    (SELECT min(h.event_id) FROM outbox h WHERE h.order_id = s.order_id AND h.event_type = s.event_type
        AND h.event_id < s.event_id AND h.owner + 0 = {held}))

-- name: explained_rows(event_types, event_ids)
-- Side effects of these events, each with the circuit of its destination, and what has to go before it.
WITH {living}
SELECT s.id, s.kind, s.destination, s.event_type, s.event_id, s.status, s.attempts, s.crashes, s.scheduled_at,
    s.last_error, s.finished_at, s.owner IN (SELECT owner FROM living) AND s.claimed_until > clock_timestamp() AS lives,
    c.state AS circuit, coalesce(c.paused, false) AS paused, c.until AS circuit_until,
    (SELECT l.reason FROM circuit_changes l WHERE l.destination = s.destination ORDER BY l.id DESC LIMIT 1) AS circuit_reason,
    CASE WHEN s.status = 'pending' THEN {earlier} END AS earlier
FROM unnest(CAST(:event_types AS text[]), CAST(:event_ids AS bigint[])) AS asked (event_type, event_id)
JOIN side_effects s ON s.event_type = asked.event_type AND s.event_id = asked.event_id
LEFT JOIN circuits c ON c.destination = s.destination
ORDER BY s.id

-- name: explained_inbox(event_id)
-- The notifications of it.
SELECT id, kind, recipient_role, recipient_id, created_at, read_at FROM notifications
WHERE event_id = :event_id AND kind IN ('generic', 'status') ORDER BY id

-- name: explained_message(order_id, event_id)
-- Its message in the conversation, and since when each side has seen it.
SELECT m.id, m.created_at, k.reader_role, k.at AS seen_at FROM messages m
LEFT JOIN message_marks k ON k.order_id = m.order_id AND k.up_to >= m.id
WHERE m.order_id = :order_id AND m.event_id = :event_id ORDER BY k.reader_role

-- name: explained_digests(order_id, event_id)
-- The digests that it is in.
SELECT d.owner, g.id, g.due_at FROM digest_entries d JOIN digests g ON g.id = d.digest_id
WHERE d.order_id = :order_id AND d.event_type = '{event_type}' AND d.event_id = :event_id ORDER BY d.owner

-- name: explained_people(seller_id, most)
-- The accounts of the shop, in the order in which they are written to.
SELECT id, disabled_at, created_at FROM people WHERE role = 'seller' AND principal_id = :seller_id ORDER BY id LIMIT :most

-- name: explained_letters(kinds, event_id)
-- Which of them an e-mail to several people is finished for.
SELECT kind, person_id, at FROM sent_letters WHERE kind = ANY(:kinds) AND event_id = :event_id

-- name: explained_endpoints(sellers)
-- The endpoints of the shop and of the marketplace.
SELECT id, seller_id, event_types, statuses, disabled, disabled_reason, disabled_at, created_at, waits_until,
    rate_per_second, paced_until FROM webhook_endpoints WHERE seller_id = ANY(:sellers) ORDER BY id

-- name: explained_attempts(order_id, event_id)
-- What the log has of deliveries of it, the latest ones.
SELECT id, endpoint_id, attempt, succeeded, status, error, at FROM (
    SELECT * FROM webhook_attempts WHERE order_id = :order_id AND event_type = '{event_type}' AND event_id = :event_id
    ORDER BY id DESC LIMIT {attempts}) AS latest ORDER BY id

-- name: explained_log(event_id)
-- Its live events in the log.
SELECT min(seq) AS first, max(seq) AS last, min(created_at) AS at FROM realtime_packs WHERE event_id = :event_id
HAVING count(*) > 0

-- name: explained_discard(at)
-- Which action of an operator discarded something at this moment: it is recorded in the same transaction.
SELECT actor, reason FROM (SELECT * FROM operator_actions ORDER BY id DESC LIMIT 1000) AS latest
WHERE action = 'discard' AND at BETWEEN :at AND :at + interval '5 s' ORDER BY id LIMIT 1
