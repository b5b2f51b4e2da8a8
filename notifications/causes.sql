-- What operators are alerted of, each with whom it concerns and since when. Every statement returns a subject, the seller
-- whom it belongs to, since when, and a reason; and reads a bounded number of rows.

-- fragment: endpoint_of
-- The id of a webhook's endpoint in a destination; NULL in any other.
CASE WHEN d.destination ~ '^webhook:[0-9]{1,18}$' THEN substr(d.destination, 9)::bigint END

-- fragment: seller_of
(SELECT nullif(w.seller_id, 0) FROM webhook_endpoints w WHERE w.id = {endpoint_of})

-- name: circuits_opened()
-- What is not closed now, by the change that opened it: probes that fail are no news.
SELECT d.destination, {seller_of}, o.at, o.reason FROM circuits d CROSS JOIN LATERAL (
    SELECT reason, at FROM circuit_changes o
    WHERE o.destination = d.destination AND o.state = 'open' AND o.id > coalesce((
        SELECT max(id) FROM circuit_changes x WHERE x.destination = d.destination AND x.state = 'closed'), 0)
    ORDER BY o.id LIMIT 1) AS o
WHERE d.state <> 'closed' ORDER BY o.at

-- name: many_dead(threshold int)
-- If there are more dead letters than this: counted up to there, and since when it is so many.
SELECT '', NULL::bigint, max(dead.at), '' FROM (
    SELECT coalesce(finished_at, created_at) AS at FROM side_effects WHERE status = 'dead'
    ORDER BY id LIMIT :threshold + 1) AS dead
HAVING count(*) > :threshold

-- name: endpoints_failing()
-- Those whose owner was notified, and those that were disabled for it.
SELECT 'webhook:' || w.id, nullif(w.seller_id, 0), w.failing_since,
    CASE WHEN w.disabled THEN w.disabled_reason ELSE w.notified || ' %' END
FROM webhook_endpoints w WHERE w.failing_since IS NOT NULL AND (w.notified > 0 OR w.disabled) ORDER BY w.failing_since

-- name: effects_late(seconds float8)
-- Per kind the oldest that has been due for longer than this although nothing keeps it: neither its circuit, nor its
-- endpoint's rate or pause, nor an earlier effect of its order. Looked for among the first thousand of a kind.
WITH RECURSIVE kinds AS (
    (SELECT kind FROM side_effects WHERE status = 'pending' ORDER BY kind LIMIT 1)
    UNION ALL SELECT (SELECT s.kind FROM side_effects s WHERE s.status = 'pending' AND s.kind > kinds.kind
        ORDER BY s.kind LIMIT 1) FROM kinds WHERE kinds.kind IS NOT NULL)
SELECT late.destination, late.seller_id, late.scheduled_at, late.kind
FROM kinds k CROSS JOIN LATERAL (
    SELECT d.kind, d.destination, d.scheduled_at, {seller_of} AS seller_id
    FROM (SELECT * FROM side_effects s WHERE s.status = 'pending' AND s.kind = k.kind
            AND s.scheduled_at < statement_timestamp() - make_interval(secs => :seconds)
        ORDER BY s.scheduled_at LIMIT 1000) AS d
    WHERE NOT EXISTS (SELECT FROM circuits c WHERE c.destination = d.destination AND (c.paused OR c.state <> 'closed'))
        AND NOT EXISTS (SELECT FROM webhook_endpoints w WHERE w.id = {endpoint_of}
            AND (w.disabled OR w.rate_per_second IS NOT NULL OR w.waits_until > statement_timestamp()))
        AND NOT EXISTS (SELECT FROM side_effects e WHERE e.order_id = d.order_id AND e.kind = d.kind
            AND e.destination = d.destination AND e.event_id < d.event_id AND e.status IN ('pending', 'running'))
    ORDER BY d.scheduled_at LIMIT 1) AS late
WHERE k.kind IS NOT NULL

-- name: outbox_late(seconds float8)
-- The oldest entry, if it is older than this; what an undo holds back is not counted. Ids follow time.
SELECT '', NULL::bigint, oldest.created_at, '' FROM (
    SELECT created_at FROM outbox WHERE owner + 0 >= 0 ORDER BY id LIMIT 1) AS oldest
WHERE oldest.created_at < clock_timestamp() - make_interval(secs => :seconds)
