-- The log of attempts: pages, redelivery by it, erasure, retention.

-- name: page(endpoint, before, limit)
-- Newest first, by the index of the endpoint's attempts.
SELECT a.id, row_to_json(members)::text FROM (
    SELECT * FROM webhook_attempts WHERE endpoint_id = :endpoint AND id < :before ORDER BY id DESC LIMIT :limit) AS a
CROSS JOIN LATERAL {shown} AS members ORDER BY a.id DESC

-- name: failed_page(endpoint, before, limit)
-- The same of those that failed, which have an index of their own: they may be few among a million.
SELECT a.id, row_to_json(members)::text FROM (
    SELECT * FROM webhook_attempts WHERE endpoint_id = :endpoint AND NOT succeeded AND id < :before
    ORDER BY id DESC LIMIT :limit) AS a
CROSS JOIN LATERAL {shown} AS members ORDER BY a.id DESC

-- name: attempt(id)
-- An attempt that was just made.
SELECT row_to_json(members)::text FROM (SELECT * FROM webhook_attempts WHERE id = :id) AS a
CROSS JOIN LATERAL {shown} AS members

-- name: owned(id, seller)
-- Whether the endpoint is this owner's.
SELECT rate_per_second FROM webhook_endpoints WHERE id = :id AND seller_id = :seller

-- name: redeliver_event(endpoint, destination, event_type, event_id, request_id, pace)
-- One event that the log knows of, whether its row is still there or not.
WITH chosen AS (
    SELECT a.event_type, a.event_id, a.order_id, 1 AS place FROM webhook_attempts a
    WHERE a.endpoint_id = :endpoint AND a.event_type = :event_type AND a.event_id = :event_id LIMIT 1)
{again}

-- name: redeliver_range(endpoint, destination, since, until, most, request_id, pace)
-- Every event that was attempted in that time, in the order of the events.
WITH chosen AS (
    SELECT event_type, event_id, order_id, row_number() OVER (ORDER BY first, event_id) AS place FROM (
        SELECT a.event_type, a.event_id, a.order_id, min(a.id) AS first FROM webhook_attempts a
        WHERE a.endpoint_id = :endpoint AND a.event_type <> '' AND a.at >= :since
            AND a.at < coalesce(CAST(:until AS timestamptz), 'infinity')
        GROUP BY a.event_type, a.event_id, a.order_id ORDER BY first LIMIT :most) AS these)
{again}

-- name: redeliver_failed(destination, since, most, pace)
-- What was given up, in the order of the events.
UPDATE side_effects SET status = 'pending', attempts = 0, crashes = 0, finished_at = NULL,
    scheduled_at = clock_timestamp() + make_interval(secs => o.place / CAST(:pace AS float8))
FROM (SELECT s.id, row_number() OVER (ORDER BY s.event_id, s.id) AS place FROM side_effects s
    WHERE s.status = 'dead' AND s.kind = '{kind}' AND s.destination = :destination AND s.finished_at >= :since
    ORDER BY s.event_id, s.id LIMIT :most) AS o
WHERE side_effects.id = o.id AND side_effects.status = 'dead'

-- name: tested_lately(endpoint)
-- Whether somebody has just sent a test event.
SELECT EXISTS (SELECT FROM (
    SELECT event_type, at FROM webhook_attempts WHERE endpoint_id = :endpoint ORDER BY id DESC LIMIT 20) AS newest
    WHERE event_type = '' AND at > clock_timestamp() - interval '{test_seconds} s')

-- name: erase(orders, piece)
-- What receivers answered about these orders: they may quote what they were sent.
UPDATE webhook_attempts SET body = '', headers = '{}' WHERE id = ANY(ARRAY(
    SELECT id FROM webhook_attempts WHERE order_id = ANY(:orders) AND (body <> '' OR headers::text <> '{}')
    LIMIT :piece))

-- name: prune(days, piece)
-- The log grows with its ids, so the oldest are the lowest.
WITH oldest AS (SELECT id, at FROM webhook_attempts ORDER BY id LIMIT :piece)
DELETE FROM webhook_attempts WHERE id = ANY(ARRAY(
    SELECT id FROM oldest WHERE at < clock_timestamp() - make_interval(days => :days)))

-- name: prune_hours(days, piece)
-- Numbers of attempts, as long as the attempts themselves.
DELETE FROM webhook_hours WHERE (endpoint_id, hour) IN (
    SELECT endpoint_id, hour FROM webhook_hours WHERE hour < clock_timestamp() - make_interval(days => :days) LIMIT :piece)
