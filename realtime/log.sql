-- The log of live events: append, read, prune.

-- fragment: lock
-- Serialises appends, so that the log's numbers follow the order of the commits.
pg_advisory_xact_lock({append_lock})

-- name: wait_for_appends()
-- Whatever is appended after this has read everything that was committed before it.
SELECT {lock}

-- fragment: append
-- CTEs for statements that take the lock first. They read `frames` (event_id, order_id, position, channel, type, data).
appended AS (
    INSERT INTO realtime_events (seq, channel, type, data, order_id)
    SELECT nextval('realtime_seq'), channel, type, data, order_id
    FROM (SELECT channel, type, data, order_id FROM frames ORDER BY event_id, position, channel) AS in_order
    RETURNING seq, channel, type, data),
notified AS MATERIALIZED (
    SELECT pg_notify('{wake_channel}', max(seq)::text) FROM appended HAVING count(*) > 0)

-- fragment: appended
-- What such a statement returns.
SELECT seq, channel, type, data FROM appended LEFT JOIN notified ON true ORDER BY seq

-- name: log_state()
-- The head of the log; where the table is empty, it is the number up to which it was pruned.
SELECT epoch, pruned_through, greatest(pruned_through, coalesce((SELECT max(seq) FROM realtime_events), 0))
FROM realtime_log

-- name: log_after(seq bigint)
-- For the feed: all channels, along the primary key.
SELECT seq, channel, type, data FROM realtime_events WHERE seq > :seq ORDER BY seq LIMIT {page}

-- name: log_replay(channels text[], seq bigint, through bigint, most int)
-- The first row has the pruned position, as of the same moment: it may be pruned during a replay. Asked for all channels
-- at once, PostgreSQL would read and sort everything behind the cursor for each page: 66 ms with 20,000 events, not 0.7.
-- So it would if it knew the length of a page, or the end, and had seen few rows when it made its plan.
SELECT pruned_through, '', '', '' FROM realtime_log UNION ALL (SELECT page.* FROM (
    SELECT e.* FROM unnest(:channels) AS mine (channel) CROSS JOIN LATERAL (
        SELECT seq, channel, type, data FROM realtime_events
        WHERE channel = mine.channel AND seq > :seq ORDER BY seq LIMIT :most) AS e
    ORDER BY seq LIMIT :most) AS page WHERE seq <= :through)

-- name: log_replay_all(prefix text, seq bigint, through bigint, most int)
-- The same for all channels with this prefix, along the primary key.
SELECT pruned_through, '', '', '' FROM realtime_log UNION ALL (SELECT page.* FROM (
    SELECT seq, channel, type, data FROM realtime_events
    WHERE starts_with(channel, :prefix) AND seq > :seq ORDER BY seq LIMIT :most) AS page WHERE seq <= :through)

-- fragment: stands
SELECT epoch, '', pruned_through::text, greatest(pruned_through, coalesce(
    (SELECT max(seq) FROM realtime_events), 0))::text FROM realtime_log

-- name: log_page(channels text[], seq bigint, most int)
-- The first row has the position of the log, as of the same moment; read channel by channel, as a replay is.
{stands} UNION ALL (
SELECT e.* FROM unnest(:channels) AS mine (channel) CROSS JOIN LATERAL (
    SELECT seq, channel, type, data FROM realtime_events
    WHERE channel = mine.channel AND seq > :seq ORDER BY seq LIMIT :most) AS e
ORDER BY seq LIMIT :most)

-- name: log_page_of_all(prefix text, seq bigint, most int)
-- The same for all channels with this prefix, along the primary key.
{stands} UNION ALL (
SELECT seq, channel, type, data FROM realtime_events WHERE seq > :seq AND starts_with(channel, :prefix)
ORDER BY seq LIMIT :most)

-- name: log_prune(hours int, most int)
-- A range of the primary key, of bounded length and by one process at a time: a long delete would hold its snapshot,
-- and with it every dead row of the outbox.
WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({prune_lock}) AS yes),
oldest AS (SELECT seq, created_at FROM realtime_events WHERE (SELECT yes FROM mine) ORDER BY seq LIMIT :most),
old AS (SELECT max(seq) AS seq FROM oldest WHERE created_at < clock_timestamp() - make_interval(hours => :hours)),
gone AS (DELETE FROM realtime_events WHERE seq <= (SELECT seq FROM old) RETURNING seq),
marked AS (UPDATE realtime_log SET pruned_through = greatest(pruned_through, (SELECT seq FROM old))
    WHERE (SELECT seq FROM old) IS NOT NULL)
SELECT count(*) FROM gone
