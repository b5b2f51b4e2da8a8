-- Revocations: one row per subject.

-- name: look(since, most)
-- The newest revocations, and in the last row the database's time. A transaction that began earlier may commit later,
-- so it looks back a while.
(SELECT subject, CAST(extract(epoch FROM at) AS float8) FROM revocations
    WHERE at > to_timestamp(:since) - interval '{look_back_seconds} s' ORDER BY at DESC LIMIT :most)
UNION ALL SELECT '', CAST(extract(epoch FROM clock_timestamp()) AS float8)

-- name: ask(subjects)
-- For credentials that are older than the revocations in memory.
SELECT subject, CAST(extract(epoch FROM max(at)) AS float8) FROM revocations
WHERE subject = ANY(:subjects) GROUP BY subject

-- name: revoke(subject, actor, reason)
-- One row per subject, whose time moves. (There is no unique index: an earlier version would fail on it.)
WITH newest AS (
    SELECT id FROM revocations WHERE subject = :subject ORDER BY at DESC LIMIT 1 FOR UPDATE),
again AS (
    UPDATE revocations r SET at = clock_timestamp(), actor = :actor, reason = :reason
    FROM newest WHERE r.id = newest.id RETURNING r.id)
INSERT INTO revocations (subject, actor, reason)
SELECT :subject, :actor, :reason WHERE NOT EXISTS (SELECT FROM again)

-- name: erase_reasons(subjects, piece)
-- Whoever may revoke something gives a reason, also the two sides of an order for its links.
UPDATE revocations SET reason = '' WHERE id = ANY(ARRAY(
    SELECT id FROM revocations WHERE subject = ANY(:subjects) AND reason <> '' LIMIT :piece))

-- name: prune(kind, hours, most)
-- Rows that no longer refuse anything, since all credentials of that kind have expired.
DELETE FROM revocations WHERE id = ANY(ARRAY(
    SELECT id FROM revocations WHERE split_part(subject, ':', 1) = :kind
    AND at < clock_timestamp() - make_interval(hours => :hours)
    ORDER BY at LIMIT :most FOR UPDATE SKIP LOCKED))
