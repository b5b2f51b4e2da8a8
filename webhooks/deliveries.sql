-- Deliveries: claim what is due, read what it takes, write down what came of it.

-- fragment: is_waiting
status = 'pending' AND kind = '{kind}'

-- fragment: earlier
-- Whether something of the same order waits before `s`: deliveries to an endpoint keep the order of an order's events,
-- also while they are redelivered at a pace. Not as EXISTS, which became a join that read the whole index for each row.
(SELECT e.id FROM side_effects e
    WHERE e.order_id = s.order_id AND e.kind = s.kind AND e.destination = s.destination AND e.event_id < s.event_id
      AND e.status IN ('pending', 'running') AND e.event_type = s.event_type LIMIT 1) IS NOT NULL
OR (SELECT h.id FROM outbox h WHERE h.order_id = s.order_id AND h.event_type = s.event_type
      AND h.event_id < s.event_id AND h.owner + 0 = {held} LIMIT 1) IS NOT NULL

-- name: claim_deliveries(most int, owner bigint)
-- Due deliveries, at most so many at a time to each endpoint, all processes together, and no more than its rate allows;
-- endpoints take turns. What is parked costs one look into the index for each endpoint, however much it is: those that
-- are disabled, whose circuit is not closed, or that asked for a pause. `claimed_until` is near for all that is running.
WITH RECURSIVE destinations AS (
    (SELECT destination FROM side_effects WHERE {is_waiting} ORDER BY destination LIMIT 1)
    UNION ALL
    SELECT (SELECT n.destination FROM side_effects n WHERE {is_waiting} AND n.destination > d.destination
            ORDER BY n.destination LIMIT 1)
    FROM destinations d WHERE d.destination IS NOT NULL),
busy AS MATERIALIZED (
    SELECT destination, count(*) AS count FROM side_effects
    WHERE claimed_until > statement_timestamp() - interval '60 s' AND {status_is_running} AND kind || '' = '{kind}'
    GROUP BY destination),
able AS MATERIALIZED (
    SELECT d.destination, w.id, w.rate_per_second, least(
        {at_once} - (SELECT coalesce(sum(count), 0) FROM busy b WHERE b.destination = d.destination), CASE
        WHEN w.rate_per_second IS NULL THEN {at_once}
        ELSE floor({burst_seconds} * w.rate_per_second + 0.000001 - w.rate_per_second
            * greatest(0, extract(epoch FROM w.paced_until - clock_timestamp()))) END)::int AS free
    FROM destinations d
    CROSS JOIN LATERAL (SELECT * FROM webhook_endpoints WHERE id = {endpoint_of_d} OFFSET 0) AS w
    WHERE NOT w.disabled AND w.waits_until <= clock_timestamp() AND NOT EXISTS (
        SELECT FROM circuits c WHERE c.destination = d.destination AND (c.paused OR c.state <> 'closed'))),
found AS MATERIALIZED (
    SELECT f.id, a.id AS endpoint, a.rate_per_second,
           row_number() OVER (PARTITION BY a.id ORDER BY f.scheduled_at, f.id) AS place
    FROM able a CROSS JOIN LATERAL (
        SELECT s.id, s.scheduled_at FROM side_effects s
        WHERE s.{is_waiting} AND s.destination = a.destination AND s.scheduled_at <= statement_timestamp()
          AND NOT ({earlier})
        ORDER BY s.scheduled_at, s.id LIMIT a.free) AS f
    WHERE a.free > 0
    ORDER BY place LIMIT :most),
paced AS (
    UPDATE webhook_endpoints w
    SET paced_until = greatest(w.paced_until, clock_timestamp()) + make_interval(secs => f.count / w.rate_per_second)
    FROM (SELECT endpoint, count(*) FROM found WHERE rate_per_second IS NOT NULL GROUP BY endpoint) AS f
    WHERE w.id = f.endpoint AND w.id = ANY(ARRAY(SELECT endpoint FROM found WHERE rate_per_second IS NOT NULL))),
due AS MATERIALIZED (
    SELECT s.id FROM side_effects s WHERE s.id = ANY(ARRAY(SELECT id FROM found)) AND s.status || '' = 'pending'
    ORDER BY s.id FOR UPDATE OF s SKIP LOCKED)
UPDATE side_effects s
SET status = 'running', attempts = s.attempts + 1, owner = :owner,
    claimed_until = clock_timestamp() + interval '{lease_seconds} s'
WHERE s.id = ANY(ARRAY(SELECT id FROM due))
RETURNING s.id, s.kind, s.destination, s.event_type, s.event_id, s.order_id, s.attempts, s.request_id, s.scheduled_at

-- name: overtaking(ids bigint[])
-- Those that something earlier has to go before: a probe and the first attempts of sequential mode claim without asking.
SELECT s.id FROM side_effects s WHERE s.id = ANY(:ids) AND ({earlier})

-- name: endpoints_of(ids bigint[])
-- What a delivery needs to know of its endpoint, at each attempt: a secret or an address that was changed counts at once.
SELECT id, seller_id, url, thin, headers, secret,
    CASE WHEN previous_until > clock_timestamp() THEN previous_secret END, disabled, failing_since IS NOT NULL
FROM webhook_endpoints WHERE id = ANY(:ids)

-- name: log_attempts(endpoints bigint[], event_types text[], event_ids bigint[], orders bigint[], types text[], attempts int[], successes boolean[], statuses int[], errors text[], headers text[], bodies text[], seconds float8[])
-- The attempts of a moment, and their number by the hour.
WITH made AS MATERIALIZED (
    SELECT * FROM unnest(:endpoints, :event_types, :event_ids, :orders, :types, :attempts, :successes, :statuses,
        :errors, :headers, :bodies, :seconds) AS m (endpoint_id, event_type, event_id, order_id, type, attempt,
        succeeded, status, error, headers, body, seconds)),
counted AS (
    INSERT INTO webhook_hours AS h (endpoint_id, hour, succeeded, failed, seconds)
    SELECT endpoint_id, date_trunc('hour', clock_timestamp()), count(*) FILTER (WHERE succeeded),
           count(*) FILTER (WHERE NOT succeeded), sum(seconds)
    FROM made GROUP BY endpoint_id ORDER BY endpoint_id
    ON CONFLICT (endpoint_id, hour) DO UPDATE SET succeeded = h.succeeded + excluded.succeeded,
        failed = h.failed + excluded.failed, seconds = h.seconds + excluded.seconds)
INSERT INTO webhook_attempts (endpoint_id, event_type, event_id, order_id, type, attempt, succeeded, status, error,
    headers, body, seconds)
SELECT endpoint_id, event_type, event_id, order_id, type, attempt, succeeded, status, error, headers::json, body, seconds
FROM made RETURNING id

-- name: note_failure(id bigint, pause float8)
-- An endpoint has failed, and may have asked for a pause; returns since when it fails, in seconds, and what its owner
-- was notified of.
UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, clock_timestamp()),
    waits_until = greatest(waits_until, clock_timestamp() + make_interval(secs => :pause))
WHERE id = :id
RETURNING extract(epoch FROM clock_timestamp() - failing_since)::float8, notified, failing_since

-- name: note_recovery(id bigint)
-- The first success after failures.
UPDATE webhook_endpoints SET failing_since = NULL, notified = 0 WHERE id = :id AND failing_since IS NOT NULL RETURNING id

-- name: note_notified(id bigint, step int)
-- Only one process notifies the owner of a step.
UPDATE webhook_endpoints SET notified = :step WHERE id = :id AND notified < :step RETURNING id

-- name: disable_endpoint(id bigint, reason text, destination text)
-- Its deliveries are parked until it is enabled again. Its circuit is forgotten: nobody needs to probe it.
WITH circuit AS (DELETE FROM circuits WHERE destination = :destination AND NOT paused)
UPDATE webhook_endpoints SET disabled = true, disabled_at = clock_timestamp(), disabled_reason = :reason
WHERE id = :id AND NOT disabled RETURNING id
