-- Remove names and texts from the log of live events; the order of the log does not change.

-- fragment: erase_rows
UPDATE realtime_events SET data = CAST(
    jsonb_set(jsonb_set(jsonb_set(jsonb_set(CAST(data AS jsonb),
        '{order,buyer_name}', to_jsonb(CAST(:name AS text)), false),
        '{event,reason}', 'null', false),
        '{message,body}', to_jsonb(CAST(:name AS text)), false),
        '{notification,body}', '""', false) AS text)

-- name: erase(orders, name, after, piece)
-- In pieces along the log: an erased event looks like any other, so a search could not find what is left.
WITH of_orders AS MATERIALIZED (SELECT seq FROM realtime_events WHERE order_id = ANY(:orders)),
found AS (SELECT seq FROM of_orders WHERE seq > :after ORDER BY seq LIMIT :piece),
erased AS ({erase_rows} WHERE seq = ANY(ARRAY(SELECT seq FROM found)))
SELECT count(*), max(seq), count(*) FROM found

-- name: erase_without_order(channel, orders, name, after, piece)
-- An earlier version wrote events without their order: while such events exist, all of a channel's are searched.
WITH found AS MATERIALIZED (
    SELECT seq, CAST(coalesce(
        CAST(data AS json) -> 'order' ->> 'id', CAST(data AS json) -> 'message' ->> 'order_id',
        CAST(data AS json) -> 'notification' ->> 'order_id') AS bigint) AS mentioned
    FROM realtime_events
    WHERE order_id IS NULL AND channel = :channel AND seq > :after ORDER BY seq LIMIT :piece),
erased AS ({erase_rows} WHERE seq = ANY(ARRAY(SELECT seq FROM found WHERE mentioned = ANY(:orders))))
SELECT count(*), max(seq), count(*) FILTER (WHERE mentioned = ANY(:orders)) FROM found

-- name: any_without_order()
-- Answered by a partial index, which is empty once the events of that version are pruned.
SELECT EXISTS (SELECT FROM realtime_events WHERE order_id IS NULL)
