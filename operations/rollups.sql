-- Numbers of each minute: counted by all processes, or found in the database.

-- name: this_minute()
-- The minute that has just ended, by the clock that all processes share.
SELECT date_trunc('minute', clock_timestamp() - interval '30 s')

-- name: add_counts(minute, names, labels, values)
-- What this process counted is added to what others did, in one order, so that no two wait for each other.
INSERT INTO metric_minutes AS m (minute, name, label, value)
SELECT :minute, n.name, n.label, n.value
FROM unnest(CAST(:names AS text[]), CAST(:labels AS text[]), CAST(:values AS float8[])) AS n (name, label, value)
ORDER BY n.name, n.label
ON CONFLICT (minute, name, label) DO UPDATE SET value = m.value + excluded.value

-- name: note_facts(minute)
-- What the database holds, written by the first process that comes to it. All of it is read from the ends of indexes, or
-- counted up to a limit.
WITH RECURSIVE kinds AS (
    (SELECT kind FROM side_effects WHERE status = 'pending' ORDER BY kind LIMIT 1)
    UNION ALL SELECT (SELECT s.kind FROM side_effects s WHERE s.status = 'pending' AND s.kind > kinds.kind
        ORDER BY s.kind LIMIT 1) FROM kinds WHERE kinds.kind IS NOT NULL),
facts (name, label, value) AS (
    SELECT 'oldest', 'outbox', coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at)
        FROM outbox WHERE owner + 0 >= 0 ORDER BY id LIMIT 1), 0)
    UNION ALL SELECT 'waiting', 'outbox', (SELECT count(*) FROM (SELECT FROM outbox ORDER BY id LIMIT {counted}) AS o)
    UNION ALL SELECT 'oldest', k.kind, (SELECT greatest(0, extract(epoch FROM clock_timestamp() - s.scheduled_at))
        FROM side_effects s WHERE s.kind = k.kind AND s.status = 'pending' ORDER BY s.scheduled_at LIMIT 1)
    FROM kinds k WHERE k.kind IS NOT NULL
    UNION ALL SELECT 'waiting', k.kind, (SELECT count(*) FROM (
        SELECT FROM side_effects s WHERE s.kind = k.kind AND s.status = 'pending' ORDER BY s.scheduled_at LIMIT {counted}) AS w)
    FROM kinds k WHERE k.kind IS NOT NULL
    UNION ALL SELECT 'dead', '', (SELECT count(*) FROM (
        SELECT FROM side_effects WHERE status = 'dead' ORDER BY id LIMIT {counted}) AS d)
    UNION ALL SELECT 'circuits', '', (SELECT count(*) FROM circuits WHERE state <> 'closed' OR paused))
INSERT INTO metric_minutes (minute, name, label, value)
SELECT :minute, name, label, value FROM facts
WHERE NOT EXISTS (SELECT FROM metric_minutes WHERE minute = :minute AND name = 'dead') AND value IS NOT NULL
ORDER BY name, label ON CONFLICT DO NOTHING

-- name: rolled_up(since, until, step, names)
-- Sums, and the largest, of steps of so many seconds; `minutes` is how many a step has in which a process was running.
SELECT extract(epoch FROM date_bin(make_interval(secs => :step), m.minute, CAST(:since AS timestamptz)))::bigint AS at,
    m.name, m.label, sum(m.value) AS sum, max(m.value) AS most, count(*) AS minutes
FROM metric_minutes m
WHERE m.minute >= CAST(:since AS timestamptz) AND m.minute < CAST(:until AS timestamptz)
    AND m.name = ANY(CAST(:names AS text[]))
GROUP BY 1, 2, 3

-- name: prune_minutes(hours, piece)
-- A range of the primary key.
DELETE FROM metric_minutes WHERE (minute, name, label) IN (
    SELECT minute, name, label FROM metric_minutes WHERE minute < clock_timestamp() - make_interval(hours => :hours)
    ORDER BY minute LIMIT :piece)
