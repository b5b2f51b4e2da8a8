-- The log of live events: append, read, prune.

-- fragment: lock
-- Serialises appends, so that the log's numbers follow the order of the commits.
pg_advisory_xact_lock({append_lock})

-- name: wait_for_appends()
-- Whatever is appended after this has read everything that was committed before it.
SELECT {lock}

-- fragment: append_packs
-- CTEs for statements that take the lock first. They read `packs` (sort, channel, other, recipe, pieces, events,
-- event_id). A pack takes as many consecutive numbers as it has events; its own is the last.
appended AS (
    INSERT INTO realtime_packs (seq, channel, other, recipe, pieces, event_id)
    SELECT (SELECT max(nextval('realtime_seq')) FROM generate_series(1, events)), channel, other, recipe, pieces, event_id
    FROM (SELECT * FROM packs ORDER BY sort) AS in_order
    RETURNING seq, channel, other, recipe, pieces),
notified AS MATERIALIZED (
    SELECT pg_notify('{wake_channel}', max(seq)::text) FROM appended HAVING count(*) > 0)

-- fragment: append_rows
-- The same with a row for each event, for processes that cannot read packs. They read `frames` (sort, position, channel,
-- type, data, order_id).
appended AS (
    INSERT INTO realtime_events (seq, channel, type, data, order_id)
    SELECT nextval('realtime_seq'), channel, type, data, order_id
    FROM (SELECT channel, type, data, order_id FROM frames ORDER BY sort, position) AS in_order
    RETURNING seq, channel, NULL::text AS other, type AS recipe, data AS pieces),
notified AS MATERIALIZED (
    SELECT pg_notify('{wake_channel}', max(seq)::text) FROM appended HAVING count(*) > 0)

-- fragment: appended
-- What such a statement returns.
SELECT seq, channel, other, recipe, pieces FROM appended LEFT JOIN notified ON true ORDER BY seq

-- name: append_pack(channel, recipe, data)
-- One event by itself; the caller has taken the lock.
WITH packs AS (
    SELECT 0 AS sort, :channel AS channel, CAST(NULL AS text) AS other, :recipe AS recipe, :data AS pieces, 1 AS events,
        CAST(NULL AS bigint) AS event_id),
{append_packs}
{appended}

-- name: append_row(channel, type, data)
-- The same in the earlier form. It is about no order: NULL would mean that a release before did not say which.
WITH frames AS (
    SELECT 0 AS sort, 0 AS position, :channel AS channel, :type AS type, :data AS data, CAST(0 AS bigint) AS order_id),
{append_rows}
{appended}

-- fragment: pack
-- A row as it is read; realtime/packs.py takes its events out.
SELECT seq, channel, other, recipe, pieces FROM realtime_packs

-- fragment: single
-- A row with one event, in the same form.
SELECT seq, channel, NULL::text, type, data FROM realtime_events

-- fragment: head
greatest(pruned_through, coalesce((SELECT max(seq) FROM realtime_packs), 0),
    coalesce((SELECT max(seq) FROM realtime_events), 0))

-- name: log_state()
-- The head of the log; where the tables are empty, it is the number up to which they were pruned.
SELECT epoch, pruned_through, {head}, packed FROM realtime_log

-- name: log_between(seq bigint, through bigint, most int)
-- For the feed: all channels, along the primary keys.
({pack} WHERE seq > :seq AND seq <= :through ORDER BY seq LIMIT :most)
UNION ALL ({single} WHERE seq > :seq AND seq <= :through ORDER BY seq LIMIT :most)
ORDER BY seq LIMIT :most

-- fragment: of_channels
-- The next rows behind a number, of some channels. Asked for all channels at once, PostgreSQL would read and sort
-- everything behind the cursor for each page: 66 ms with 20,000 events, not 0.7. Asked for `channel = mine.channel`, it
-- went along the primary key, past the events of all others, where it had once seen a log of few channels; only the
-- index of a channel has this order, so that there is no choice. A pack may be of two of them.
SELECT DISTINCT ON (seq) e.* FROM unnest(:channels) AS mine (channel) CROSS JOIN LATERAL (
    ({pack} WHERE (channel, seq) > (mine.channel, :seq) AND (channel, seq) <= (mine.channel, 9223372036854775807)
        ORDER BY channel, seq LIMIT :most)
    UNION ALL ({pack} WHERE (other, seq) > (mine.channel, :seq) AND (other, seq) <= (mine.channel, 9223372036854775807)
        ORDER BY other, seq LIMIT :most)
    UNION ALL ({single} WHERE (channel, seq) > (mine.channel, :seq) AND (channel, seq) <= (mine.channel, 9223372036854775807)
        ORDER BY channel, seq LIMIT :most)) AS e
ORDER BY seq LIMIT :most

-- fragment: of_prefix
-- The same of all channels with a prefix, along the primary keys.
({pack} WHERE seq > :seq AND (starts_with(channel, :prefix) OR starts_with(other, :prefix)) ORDER BY seq LIMIT :most)
UNION ALL ({single} WHERE seq > :seq AND starts_with(channel, :prefix) ORDER BY seq LIMIT :most)
ORDER BY seq LIMIT :most

-- name: log_replay(channels text[], seq bigint, through bigint, most int)
-- The first row has the pruned position, as of the same moment: it may be pruned during a replay. If it knew the length
-- of a page, or the end, PostgreSQL would sort too when it had seen few rows at the time of its plan.
SELECT pruned_through, '', '', '', '' FROM realtime_log
UNION ALL (SELECT page.* FROM ({of_channels}) AS page WHERE seq <= :through)

-- name: log_replay_all(prefix text, seq bigint, through bigint, most int)
-- The same for all channels with this prefix.
SELECT pruned_through, '', '', '', '' FROM realtime_log
UNION ALL (SELECT page.* FROM ({of_prefix}) AS page WHERE seq <= :through)

-- fragment: stands
SELECT epoch, '', '', pruned_through::text, ({head})::text FROM realtime_log

-- name: log_page(channels text[], seq bigint, most int)
-- The first row has the position of the log, as of the same moment.
{stands} UNION ALL ({of_channels})

-- name: log_page_of_all(prefix text, seq bigint, most int)
-- The same for all channels with this prefix.
{stands} UNION ALL ({of_prefix})

-- name: log_prune(hours int, most int)
-- A range of the primary keys, of bounded length and by one process at a time: a long delete would hold its snapshot,
-- and with it every dead row of the outbox.
WITH mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({prune_lock}) AS yes),
oldest AS (
    (SELECT seq, created_at FROM realtime_packs WHERE (SELECT yes FROM mine) ORDER BY seq LIMIT :most)
    UNION ALL
    (SELECT seq, created_at FROM realtime_events WHERE (SELECT yes FROM mine) ORDER BY seq LIMIT :most)
    ORDER BY seq LIMIT :most),
old AS (SELECT max(seq) AS seq FROM oldest WHERE created_at < clock_timestamp() - make_interval(hours => :hours)),
gone AS (DELETE FROM realtime_packs WHERE seq <= (SELECT seq FROM old) RETURNING seq),
gone_single AS (DELETE FROM realtime_events WHERE seq <= (SELECT seq FROM old) RETURNING seq),
marked AS (UPDATE realtime_log SET pruned_through = greatest(pruned_through, (SELECT seq FROM old))
    WHERE (SELECT seq FROM old) IS NOT NULL)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM gone_single)
