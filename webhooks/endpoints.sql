-- Endpoints, each of one seller or of the marketplace: somebody else's is not found.

-- fragment: counted
-- Two days of whole hours at most; the log is not counted.
(SELECT row_to_json(sums) FROM (SELECT coalesce(sum(h.succeeded), 0)::bigint AS succeeded,
    coalesce(sum(h.failed), 0)::bigint AS failed
    FROM webhook_hours h WHERE h.endpoint_id = w.id AND h.hour > clock_timestamp() - interval '24 hours') AS sums)

-- fragment: waiting
(SELECT count(*) FROM (SELECT FROM side_effects s WHERE s.status = 'pending' AND s.kind = '{kind}'
    AND s.destination = '{destination}' || w.id LIMIT 1000) AS first_ones)

-- fragment: webhook
-- An endpoint as the API shows it; the names of its headers are filled in where they can be decrypted.
(SELECT row_to_json(members)::text FROM (SELECT w.id, w.url, w.event_types,
    CASE WHEN w.statuses IS NOT NULL THEN json_build_object('statuses', w.statuses) END AS filter,
    CASE WHEN w.thin THEN 'thin' ELSE 'full' END AS payload, w.rate_per_second, w.disabled, w.disabled_reason,
    w.disabled_at, w.failing_since,
    CASE WHEN w.previous_until > clock_timestamp() THEN w.previous_until END AS previous_secret_until,
    {waiting} AS waiting, {counted} AS last_24_hours, w.created_at, w.updated_at) AS members)

-- name: own(seller)
-- All of one owner, of whom none has many.
SELECT w.headers, {webhook} FROM webhook_endpoints w WHERE w.seller_id = :seller ORDER BY w.id

-- name: one(id, seller)
-- One of them.
SELECT w.headers, {webhook} FROM webhook_endpoints w WHERE w.id = :id AND w.seller_id = :seller

-- name: count(seller)
-- Before one is added, with a lock until it is: two at once would both be the last.
SELECT count(*) FILTER (WHERE w.id IS NOT NULL) FROM (SELECT pg_advisory_xact_lock(
    hashtextextended('webhooks ' || CAST(:seller AS bigint), 0) | {hashed})) AS locked
LEFT JOIN webhook_endpoints w ON w.seller_id = :seller

-- name: add(seller, url, event_types, statuses, thin, headers, rate, secret, disabled)
-- Its deliveries begin with the next event.
INSERT INTO webhook_endpoints AS w (seller_id, url, event_types, statuses, thin, headers, rate_per_second, secret,
    disabled, disabled_at)
VALUES (:seller, :url, CAST(:event_types AS text[]), CAST(:statuses AS text[]), :thin, :headers,
    CAST(:rate AS float8), :secret, :disabled, CASE WHEN :disabled THEN clock_timestamp() END)
RETURNING w.headers, {webhook}

-- name: hold(id, seller)
-- Before it is changed.
SELECT w.url, w.event_types, w.statuses, w.thin, w.headers, w.rate_per_second AS rate, w.disabled
FROM webhook_endpoints w WHERE w.id = :id AND w.seller_id = :seller FOR UPDATE

-- name: change(id, url, event_types, statuses, thin, headers, rate, disabled, switched)
-- Enabled again, it starts afresh; :switched says whether it was disabled or enabled by this change.
UPDATE webhook_endpoints w SET url = :url, event_types = CAST(:event_types AS text[]),
    statuses = CAST(:statuses AS text[]), thin = :thin, headers = :headers, rate_per_second = CAST(:rate AS float8),
    disabled = :disabled,
    disabled_at = CASE WHEN NOT :switched THEN disabled_at WHEN :disabled THEN clock_timestamp() END,
    disabled_reason = CASE WHEN :switched THEN '' ELSE disabled_reason END,
    failing_since = CASE WHEN NOT :switched THEN failing_since END,
    notified = CASE WHEN :switched THEN 0 ELSE notified END,
    waits_until = CASE WHEN :switched THEN clock_timestamp() ELSE waits_until END,
    updated_at = clock_timestamp()
WHERE w.id = :id RETURNING w.headers, {webhook}

-- name: forget_circuit(destination)
-- An endpoint that was enabled again is tried at once, and one that is disabled or deleted is not probed; an operator's
-- pause stays.
DELETE FROM circuits WHERE destination = :destination AND NOT paused

-- name: remove(id, seller)
-- What waits for it is discarded afterwards.
DELETE FROM webhook_endpoints WHERE id = :id AND seller_id = :seller

-- name: discard(destination, piece)
-- The deliveries of an endpoint that was deleted; those in progress end by themselves.
UPDATE side_effects SET status = 'discarded', finished_at = clock_timestamp(), last_error = 'the endpoint was deleted'
WHERE id = ANY(ARRAY(SELECT id FROM side_effects WHERE status = 'pending' AND kind = '{kind}'
    AND destination = :destination LIMIT :piece))

-- name: rotate(id, seller, secret, days)
-- The present secret becomes the previous one, which is kept for :days; with 0 it is gone now, and so is an earlier one.
UPDATE webhook_endpoints SET secret = :secret, updated_at = clock_timestamp(),
    previous_secret = CASE WHEN :days > 0 THEN secret END,
    previous_until = CASE WHEN :days > 0 THEN clock_timestamp() + make_interval(days => :days) END
WHERE id = :id AND seller_id = :seller RETURNING previous_until

-- name: forget_secrets(piece)
-- Previous secrets whose time is over.
UPDATE webhook_endpoints SET previous_secret = NULL, previous_until = NULL WHERE id = ANY(ARRAY(
    SELECT id FROM webhook_endpoints WHERE previous_until <= clock_timestamp() LIMIT :piece))

-- name: discard_orphans(piece)
-- Deliveries that were written while their endpoint was being deleted.
WITH RECURSIVE destinations AS (
    (SELECT destination FROM side_effects WHERE status = 'pending' AND kind = '{kind}' ORDER BY destination LIMIT 1)
    UNION ALL
    SELECT (SELECT n.destination FROM side_effects n WHERE n.status = 'pending' AND n.kind = '{kind}'
            AND n.destination > d.destination ORDER BY n.destination LIMIT 1)
    FROM destinations d WHERE d.destination IS NOT NULL)
UPDATE side_effects SET status = 'discarded', finished_at = clock_timestamp(), last_error = 'the endpoint was deleted'
WHERE id = ANY(ARRAY(
    SELECT s.id FROM destinations d JOIN side_effects s ON s.destination = d.destination
    WHERE s.status = 'pending' AND s.kind = '{kind}' AND NOT EXISTS (
        SELECT FROM webhook_endpoints w WHERE w.id = {endpoint_of_d})
    LIMIT :piece))
