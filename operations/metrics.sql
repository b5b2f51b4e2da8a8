-- Gauges that the first row of an index answers.

-- name: oldest_entry()
-- The age of the oldest outbox entry; ids follow time.
SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox WHERE owner + 0 >= 0 ORDER BY id LIMIT 1

-- name: kinds()
-- The kinds that have pending rows, by a loose index scan.
WITH RECURSIVE kinds AS (
    (SELECT kind FROM side_effects WHERE status = 'pending' ORDER BY kind LIMIT 1)
    UNION ALL SELECT (SELECT s.kind FROM side_effects s WHERE s.status = 'pending' AND s.kind > kinds.kind
        ORDER BY s.kind LIMIT 1) FROM kinds WHERE kinds.kind IS NOT NULL)
SELECT kind FROM kinds WHERE kind IS NOT NULL

-- name: oldest_due(kinds)
-- How long the oldest pending row of each kind has been due.
SELECT k.kind, (SELECT greatest(0, extract(epoch FROM clock_timestamp() - s.scheduled_at))
    FROM side_effects s WHERE s.kind = k.kind AND s.status = 'pending' ORDER BY s.scheduled_at LIMIT 1)
FROM unnest(CAST(:kinds AS text[])) AS k (kind)

-- name: dead()
-- Dead letters by kind, counted up to a limit: a larger number would change nothing for an operator.
SELECT kind, count(*) FROM (
    SELECT kind FROM side_effects WHERE status = 'dead' LIMIT {dead_counted}) AS dead GROUP BY kind

-- name: circuits()
-- Destinations whose circuit is not closed; the table has a row for each that ever failed.
SELECT destination, CASE WHEN paused THEN 'paused' ELSE state END FROM circuits
WHERE state <> 'closed' OR paused
