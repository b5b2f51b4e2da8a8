-- Taking people's words and names out of the log, whose order stays as it is.

-- fragment: erase_rows
UPDATE realtime_events SET data = CAST(
    jsonb_set(jsonb_set(jsonb_set(jsonb_set(CAST(data AS jsonb),
        '{order,buyer_name}', to_jsonb(CAST(:name AS text)), false),
        '{event,reason}', 'null', false),
        '{message,body}', to_jsonb(CAST(:name AS text)), false),
        '{notification,body}', '""', false) AS text)

-- name: erase(orders, name, after, piece)
-- Along the log, a piece at a time: what is erased looks as it did before to whoever searches.
WITH told AS MATERIALIZED (SELECT seq FROM realtime_events WHERE order_id = ANY(:orders)),
found AS (SELECT seq FROM told WHERE seq > :after ORDER BY seq LIMIT :piece),
erased AS ({erase_rows} WHERE seq = ANY(ARRAY(SELECT seq FROM found)))
SELECT count(*), max(seq), count(*) FROM found

-- name: erase_without_order(channel, orders, name, after, piece)
-- What a version of before wrote does not say its order: as long as it is kept, a channel's is looked through.
WITH found AS MATERIALIZED (
    SELECT seq, CAST(coalesce(
        CAST(data AS json) -> 'order' ->> 'id', CAST(data AS json) -> 'message' ->> 'order_id',
        CAST(data AS json) -> 'notification' ->> 'order_id') AS bigint) AS told_of
    FROM realtime_events
    WHERE order_id IS NULL AND channel = :channel AND seq > :after ORDER BY seq LIMIT :piece),
erased AS ({erase_rows} WHERE seq = ANY(ARRAY(SELECT seq FROM found WHERE told_of = ANY(:orders))))
SELECT count(*), max(seq), count(*) FILTER (WHERE told_of = ANY(:orders)) FROM found

-- name: any_without_order()
-- Answered by an index that is empty as soon as a version of before has been gone for the time that events are kept.
SELECT EXISTS (SELECT FROM realtime_events WHERE order_id IS NULL)
