-- A few facts that an index's first row tells.

-- name: oldest_entry()
-- How long the outbox's oldest entry waits; ids follow the time.
SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox ORDER BY id LIMIT 1

-- name: kinds()
-- The kinds that wait for something, by hopping along the index.
WITH RECURSIVE kinds AS (
    (SELECT kind FROM side_effects WHERE status = 'pending' ORDER BY kind LIMIT 1)
    UNION ALL SELECT (SELECT s.kind FROM side_effects s WHERE s.status = 'pending' AND s.kind > kinds.kind
        ORDER BY s.kind LIMIT 1) FROM kinds WHERE kinds.kind IS NOT NULL)
SELECT kind FROM kinds WHERE kind IS NOT NULL

-- name: oldest_due(kinds)
-- For how long the longest of each kind has been due.
SELECT k.kind, (SELECT greatest(0, extract(epoch FROM clock_timestamp() - s.scheduled_at))
    FROM side_effects s WHERE s.kind = k.kind AND s.status = 'pending' ORDER BY s.scheduled_at LIMIT 1)
FROM unnest(CAST(:kinds AS text[])) AS k (kind)

-- name: dead()
-- Dead letters by kind, counted up to a limit: nobody acts differently on more.
SELECT kind, count(*) FROM (
    SELECT kind FROM side_effects WHERE status = 'dead' LIMIT {dead_counted}) AS dead GROUP BY kind

-- name: circuits()
-- Destinations in trouble; the table has a row for each that ever was.
SELECT destination, CASE WHEN paused THEN 'paused' ELSE state END FROM circuits
WHERE state <> 'closed' OR paused
