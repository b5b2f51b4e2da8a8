-- Durable side effects: claim, record, rescue. Each statement is one step, which a crash cannot split.

-- fragment: lease
clock_timestamp() + interval '{lease_seconds} s'

-- fragment: nothing_earlier
-- Effects of a kind happen in the order of their events, for each order and destination. What is held of an earlier
-- change goes first too. What is set for later lets others pass: what is critical does not wait until the morning.
--
-- Not as NOT EXISTS: planned while the table was empty, that became a join which read the whole index for each row, and
-- claims slowed down with the backlog until the statistics were renewed.
(SELECT e.id FROM side_effects e
    WHERE e.order_id = s.order_id AND e.kind = s.kind AND e.destination = s.destination AND e.event_id < s.event_id
      AND e.status IN ('pending', 'running')
      AND NOT (e.attempts = 0 AND e.status = 'pending' AND e.scheduled_at > statement_timestamp()) LIMIT 1) IS NULL
AND (SELECT h.id FROM outbox h WHERE h.order_id = s.order_id AND h.event_type = s.event_type
      AND h.event_id < s.event_id AND h.owner + 0 = {held} LIMIT 1) IS NULL

-- fragment: not_set_for_later
-- What was tried may be retried early, when its destination is back; what is scheduled for a moment waits for it.
(s.attempts > 0 OR s.scheduled_at <= clock_timestamp())

-- fragment: status_is
-- For rows that are looked up by id. With the plain status, PostgreSQL may read an index of everything pending or
-- running from end to end, including the dead rows of somebody else's long snapshot: 6 ms at 100,000 per statement.
s.status || '' =

-- fragment: not_closed
SELECT FROM circuits c WHERE c.destination = s.destination AND (c.paused OR c.state <> 'closed')

-- fragment: judged
-- Why what is in the CTE `due` is not wanted any more, NULL if it is.
judged AS MATERIALIZED (
    SELECT s.id, {no_longer_due} AS why FROM side_effects s WHERE s.id = ANY(ARRAY(SELECT id FROM due)))

-- fragment: withdraw
UPDATE side_effects s SET status = 'superseded', finished_at = clock_timestamp(), fingerprint = '', last_error = j.why
FROM judged j WHERE s.id = ANY(ARRAY(SELECT id FROM ceased)) AND j.id = s.id RETURNING s.id

-- fragment: begin
-- Begins the attempts of the rows in the CTE `due`, for the process :owner, as far as they are still wanted: asked by the
-- statement that claims, so that nothing is sent that had ceased to be due before. Attempts are counted here, not at the
-- end: an attempt that kills its process has been spent. By an array of ids, here and below: joined, with the statistics
-- of a small table, it reads the whole of one that has grown.
{judged},
ceased AS (SELECT id FROM judged WHERE why IS NOT NULL),
withdrawn AS ({withdraw})
UPDATE side_effects s
SET status = 'running', attempts = s.attempts + 1, owner = :owner, claimed_until = {lease}
WHERE s.id = ANY(ARRAY(SELECT id FROM judged WHERE why IS NULL))
RETURNING s.id, s.kind, s.destination, s.event_type, s.event_id, s.order_id, s.attempts, s.request_id, s.scheduled_at


-- fragment: attempts_before
-- The log keeps so many of the last attempts: a destination that is away for a weekend is probed ten thousand times.
CASE WHEN jsonb_array_length(s.attempt_log) < {attempts_kept} THEN s.attempt_log ELSE s.attempt_log - 0 END

-- name: claim_effects(kind text, most int, owner bigint, floor timestamptz, destinations text[])
-- :floor: under somebody else's long transaction, dead rows pile up at the left end of the index, and reading over
-- 200,000 of them took 17 ms per claim. An index cannot be searched by a volatile function: with clock_timestamp(),
-- each look read all timers that wait for next week. :destinations: those that this process can call, NULL for any;
-- what another version recorded is left to it.
WITH due AS MATERIALIZED (
    SELECT s.id FROM side_effects s
    WHERE s.status = 'pending' AND s.kind = :kind
      AND s.scheduled_at <= statement_timestamp() AND s.scheduled_at >= :floor
      AND (:destinations IS NULL OR s.destination = ANY(:destinations))
      AND NOT EXISTS ({not_closed})
      AND {nothing_earlier}
    ORDER BY s.scheduled_at, s.id LIMIT :most FOR UPDATE OF s SKIP LOCKED),
{begin}


-- name: withdraw_effects(kind text, most int, floor timestamptz)
-- What is due and not wanted any more, many at a time: a claim takes no more than can be attempted at once, and a hundred
-- thousand that need no attempt would take an hour. Read without locks; only what is withdrawn is locked.
WITH due AS MATERIALIZED (
    SELECT s.id FROM side_effects s
    WHERE s.status = 'pending' AND s.kind = :kind
      AND s.scheduled_at <= statement_timestamp() AND s.scheduled_at >= :floor
    ORDER BY s.scheduled_at LIMIT :most),
{judged},
ceased AS MATERIALIZED (
    SELECT s.id FROM side_effects s WHERE s.id = ANY(ARRAY(SELECT id FROM judged WHERE why IS NOT NULL))
        AND {status_is} 'pending' ORDER BY s.id + 0 FOR UPDATE SKIP LOCKED)
{withdraw}


-- name: due_kinds(kinds text[], floors timestamptz[])
-- Which kinds have something due, and when: one query instead of a claim per kind, which nearly always returns nothing.
SELECT k.kind, clock_timestamp() FROM unnest(:kinds, :floors) AS k (kind, floor)
WHERE (SELECT s.id FROM side_effects s
       WHERE s.status = 'pending' AND s.kind = k.kind
         AND s.scheduled_at <= statement_timestamp() AND s.scheduled_at >= k.floor
       ORDER BY s.scheduled_at LIMIT 1) IS NOT NULL


-- name: claim_of_subject(event_type text, event_id bigint, owner bigint, kinds text[])
-- The first attempts of sequential mode, before the response; not of what is set for later.
WITH due AS MATERIALIZED (
    SELECT s.id FROM side_effects s
    WHERE s.event_type = :event_type AND s.event_id = :event_id AND s.kind = ANY(:kinds)
      AND s.status = 'pending' AND s.attempts = 0 AND s.scheduled_at <= clock_timestamp()
    FOR UPDATE OF s SKIP LOCKED),
{begin}


-- fragment: waiting
SELECT s.id, s.event_id, s.attempts, s.last_error, s.scheduled_at FROM side_effects s
    WHERE s.destination = :destination AND s.kind = :kind AND s.status = 'pending'
      AND {not_set_for_later} AND {nothing_earlier}

-- fragment: some_event
(SELECT lowest + (random() * (highest - lowest))::bigint FROM (SELECT
    (SELECT event_id FROM side_effects WHERE destination = :destination AND status = 'pending'
        ORDER BY event_id LIMIT 1),
    (SELECT event_id FROM side_effects WHERE destination = :destination AND status = 'pending'
        ORDER BY event_id DESC LIMIT 1)) AS ends (lowest, highest))

-- name: probe_effect(destination text, kind text, owner bigint)
-- One trial call to a half-open destination: the row that is most likely to succeed. The oldest rows are those that
-- failed most often. So first come rows that never failed, the newest of these; then those with the fewest attempts,
-- the one whose failure is longest ago. Candidates are taken from both ends of the backlog and from somewhere between.
-- Due or not: a row that failed five times would otherwise wait half an hour although the destination is back.
WITH waiting AS MATERIALIZED (
    ({waiting} ORDER BY s.event_id DESC LIMIT 32)
    UNION ({waiting} ORDER BY s.event_id LIMIT 32)
    UNION ({waiting} AND s.event_id >= {some_event} ORDER BY s.event_id LIMIT 32)),
likely AS MATERIALIZED (SELECT ARRAY(
    SELECT id FROM waiting
    ORDER BY attempts, last_error <> '', scheduled_at > clock_timestamp(),
        CASE WHEN last_error <> '' THEN scheduled_at END, event_id DESC
    LIMIT {probes}) AS ids),
candidate AS MATERIALIZED (
    SELECT s.id FROM side_effects s WHERE {status_is} 'pending' AND s.id = ANY((SELECT ids FROM likely)::bigint[])
    ORDER BY array_position((SELECT ids FROM likely), s.id) LIMIT 1 FOR UPDATE OF s SKIP LOCKED),
allowed AS (
    UPDATE circuits SET probes = probes - 1
    WHERE destination = :destination AND state = 'half-open' AND probes > 0 AND NOT paused
      AND EXISTS (SELECT FROM candidate)
    RETURNING destination),
due AS (SELECT id FROM candidate, allowed),
{begin}


-- name: supersede_effects(kind text)
-- For kinds of which only the newest per order counts.
UPDATE side_effects s SET status = 'discarded', finished_at = clock_timestamp(),
    last_error = 'superseded by event ' || (SELECT max(n.event_id) FROM side_effects n WHERE n.order_id = s.order_id
        AND n.kind = s.kind AND n.destination = s.destination AND n.status IN ('pending', 'running'))
WHERE s.kind = :kind AND s.status = 'pending' AND s.scheduled_at <= statement_timestamp() AND EXISTS (
    SELECT FROM side_effects n WHERE n.order_id = s.order_id AND n.kind = s.kind AND n.destination = s.destination
    AND n.event_id > s.event_id AND n.status IN ('pending', 'running'))
RETURNING id


-- name: record_effects(ids bigint[], attempts int[], spent int[], statuses text[], delays float8[], errors text[], fingerprints text[], seconds float8[])
-- Fenced by the attempt: a worker that lost its lease changes nothing, whatever the outcome. :seconds: how long it took;
-- below zero if nothing was attempted.
UPDATE side_effects s SET attempts = n.spent, status = n.status, owner = 0, claimed_until = NULL,
    last_error = n.error, fingerprint = n.fingerprint,
    scheduled_at = clock_timestamp() + make_interval(secs => n.delay),
    finished_at = CASE WHEN n.status = 'pending' THEN NULL ELSE clock_timestamp() END,
    attempt_log = CASE WHEN n.seconds < 0 THEN s.attempt_log ELSE {attempts_before} || jsonb_build_object(
        'attempt', n.attempt, 'at', clock_timestamp() - make_interval(secs => n.seconds),
        'seconds', round(n.seconds::numeric, 4), 'outcome', CASE n.status WHEN 'pending' THEN 'retry' ELSE n.status END,
        'error', n.error) END
FROM unnest(:ids, :attempts, :spent, :statuses, :delays, :errors, :fingerprints, :seconds)
    AS n (id, attempt, spent, status, delay, error, fingerprint, seconds)
WHERE s.id = ANY(:ids) AND s.id = n.id AND s.attempts = n.attempt AND {status_is} 'running'
RETURNING s.id


-- name: hand_back_effects(owner bigint, in_hand bigint[])
-- Releases what a process claimed and does not have in hand: attempts that could not be made, and claims whose response
-- was lost with the connection. No attempt is spent. `id + 0`: sorted by the primary key, it would read all of it.
UPDATE side_effects SET status = 'pending', attempts = attempts - 1, owner = 0, claimed_until = NULL,
    scheduled_at = clock_timestamp()
WHERE id = ANY(ARRAY(
    SELECT id FROM side_effects s
    WHERE claimed_until > '-infinity' AND owner = :owner AND id <> ALL(:in_hand) AND {status_is} 'running'
    ORDER BY id + 0 FOR UPDATE SKIP LOCKED))
RETURNING id


-- name: renew_effects(ids bigint[], owner bigint)
-- Extends the leases of what a process has in hand; it has lost the ids that are not returned.
UPDATE side_effects SET claimed_until = {lease}
WHERE id = ANY(ARRAY(
    SELECT id FROM side_effects s WHERE id = ANY(:ids) AND owner = :owner AND {status_is} 'running'
    ORDER BY id FOR UPDATE SKIP LOCKED))
RETURNING id


-- name: rescue_effects(look_back float8)
-- Frees what dead processes had claimed, and processes frozen for longer than a lease. :look_back limits how far back
-- it reads, in seconds: behind 190,000 dead rows, each look took 54 ms. Only running rows have a `claimed_until`;
-- `status_is` says why the status is not asked for.
WITH {living},
lost AS MATERIALIZED (
    SELECT id FROM side_effects
    WHERE (SELECT yes FROM stable)
      AND claimed_until > statement_timestamp() - make_interval(secs => :look_back)
      AND claimed_until < statement_timestamp() + interval '{lease_less_grace_seconds} s'
      AND (claimed_until < clock_timestamp() OR owner NOT IN (SELECT owner FROM living))
    ORDER BY id + 0 LIMIT 500 FOR UPDATE SKIP LOCKED)
UPDATE side_effects s SET crashes = crashes + 1, owner = 0, claimed_until = NULL, scheduled_at = clock_timestamp(),
    status = CASE WHEN crashes + 1 >= {max_crashes} THEN 'dead' ELSE 'pending' END,
    finished_at = CASE WHEN crashes + 1 >= {max_crashes} THEN clock_timestamp() END,
    last_error = 'The process ended during the attempt.', fingerprint = 'The process ended during the attempt.',
    attempt_log = {attempts_before} || jsonb_build_object('attempt', s.attempts, 'at', clock_timestamp(),
        'seconds', NULL, 'outcome', 'crashed', 'error', 'The process ended during the attempt.')
WHERE s.id = ANY(ARRAY(SELECT id FROM lost))
RETURNING s.id, s.kind, s.status, s.crashes


-- name: defer_effect(ids bigint[], bit int, kind text, destinations text[], errors text[], fingerprints text[], delay float8, attempts int, crashes int)
-- An effect that failed at its first attempt leaves the outbox and becomes rows of its own, one per destination.
WITH taken AS (
    UPDATE outbox SET pending = pending & ~:bit
    WHERE id = ANY(ARRAY(SELECT id FROM outbox WHERE id = ANY(:ids) AND pending & :bit <> 0 ORDER BY id FOR UPDATE))
    RETURNING event_type, event_id, order_id, request_id)
{insert_taken} RETURNING id


-- name: pace_effects(destination text, per_second float8)
-- When a circuit closes, its backlog becomes due at a rate that the destination can bear.
UPDATE side_effects s SET scheduled_at = clock_timestamp() + make_interval(secs => o.place / :per_second)
FROM (SELECT id, row_number() OVER (ORDER BY event_id, id) AS place FROM side_effects s
      WHERE destination = :destination AND status = 'pending' AND {not_set_for_later}
      ORDER BY event_id, id LIMIT 20000) AS o
WHERE s.id = o.id AND s.status = 'pending'
RETURNING s.id


-- name: abandon_effects(kind text, destinations text[])
-- :destinations: those that this process can call. Any process that can call the others has had time enough.
UPDATE side_effects s SET status = 'dead', finished_at = clock_timestamp(),
    last_error = 'no receiver is called ' || s.destination || ' any more',
    fingerprint = 'no receiver is called so any more'
WHERE s.id = ANY(ARRAY(
    SELECT s.id FROM side_effects s
    WHERE s.status = 'pending' AND s.kind = :kind
      AND s.scheduled_at < statement_timestamp() - interval '{unknown_days} days' AND s.destination <> ALL(:destinations)
      AND NOT EXISTS ({not_closed})
    ORDER BY s.scheduled_at LIMIT 500 FOR UPDATE OF s SKIP LOCKED))
RETURNING s.id, s.destination


-- name: prune_effects(hours int)
-- A bounded number of rows: a long delete would hold its snapshot, and with it dead rows in every table.
DELETE FROM side_effects WHERE id = ANY(ARRAY(
    (SELECT id FROM side_effects WHERE status IN ('succeeded', 'discarded')
    AND finished_at < statement_timestamp() - make_interval(hours => :hours) ORDER BY finished_at LIMIT 2000)
    UNION ALL (SELECT id FROM side_effects WHERE status = 'superseded'
    AND finished_at < statement_timestamp() - make_interval(hours => :hours) ORDER BY finished_at LIMIT 2000)))
RETURNING id
