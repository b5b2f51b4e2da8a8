-- Bulk changes: jobs that change the status of many orders.

-- fragment: state
CASE WHEN b.finished_at IS NOT NULL THEN CASE WHEN b.changed + b.skipped < b.total THEN 'stopped' ELSE 'done' END
    WHEN b.stop_at IS NULL THEN 'running' ELSE 'stopping' END

-- fragment: shown
-- A job as the API shows it.
(SELECT row_to_json(members)::text FROM (SELECT b.id, {state} AS state, b.to_status AS status, b.reason, b.notify,
    b.filters, b.total, b.changed, b.skipped, b.created_at, b.finished_at) AS members)

-- fragment: readable
b.owner = :owner OR CAST(:sees_all AS boolean)

-- name: begin(owner, role, id, via, filters, status, reason, notify, total, request_id)
-- No row if the owner has one in progress: the index decides, whichever of two requests came first.
INSERT INTO bulk_changes
    (owner, actor_role, actor_id, actor_via, filters, to_status, reason, notify, total, request_id)
VALUES (:owner, :role, :id, :via, CAST(:filters AS json), :status, :reason, :notify, :total, :request_id)
ON CONFLICT (owner) WHERE finished_at IS NULL DO NOTHING RETURNING id

-- name: add_orders(id, orders)
-- What it covers is decided when it starts.
INSERT INTO bulk_change_orders (bulk_change_id, order_id) SELECT :id, unnest(CAST(:orders AS bigint[]))

-- name: schedule(id)
-- The row by which it is claimed, once, by whichever process has capacity, and again if that one dies. It waits for no
-- other: in place of an order's id it has a number of its own, which no order has.
{insert_job}

-- name: in_progress(owner)
-- At most one.
SELECT id FROM bulk_changes WHERE owner = :owner AND finished_at IS NULL

-- name: latest_jobs(owner, sees_all, limit)
-- The newest first.
SELECT '[' || coalesce(string_agg({shown}, ',' ORDER BY b.id DESC), '') || ']' FROM (
    SELECT * FROM bulk_changes b WHERE {readable} ORDER BY b.id DESC LIMIT :limit) AS b

-- name: one(id, owner, sees_all)
-- Somebody else's is not found.
SELECT {shown} FROM bulk_changes b WHERE b.id = :id AND ({readable})

-- name: results(id, result, after, limit)
-- Of each of its orders, by id; NULL for all results.
SELECT c.order_id, row_to_json(members)::text FROM (
    SELECT * FROM bulk_change_orders WHERE bulk_change_id = :id AND order_id > :after
        AND (CAST(:result AS text) IS NULL OR coalesce(result, 'waiting') = :result)
    ORDER BY order_id LIMIT :limit) AS c
CROSS JOIN LATERAL (SELECT c.order_id, (SELECT ltrim(number, '#') FROM orders WHERE id = c.order_id) AS number,
    coalesce(c.result, 'waiting') AS result, c.code, c.detail, c.order_status) AS members
ORDER BY c.order_id

-- name: stop(id, owner, sees_all)
-- Asks it to stop after what it is doing; one that nobody works on any more is claimed again for that.
WITH stopped AS (
    UPDATE bulk_changes b SET stop_at = coalesce(stop_at, clock_timestamp())
    WHERE id = :id AND ({readable}) AND finished_at IS NULL RETURNING id),
revived AS (
    UPDATE side_effects SET status = 'pending', attempts = 0, scheduled_at = clock_timestamp(), finished_at = NULL
    WHERE status = 'dead' AND kind = '{kind}' AND event_type = '{event_type}' AND event_id = (SELECT id FROM stopped))
SELECT id FROM stopped

-- name: job(id)
-- For the process that works on it.
SELECT actor_role, actor_id, actor_via, to_status, reason, notify, request_id, created_at,
    finished_at IS NOT NULL AS finished, stop_at IS NOT NULL AS stopping
FROM bulk_changes WHERE id = :id

-- name: next(id, most)
-- What is still to be changed, the oldest orders first.
SELECT order_id FROM bulk_change_orders WHERE bulk_change_id = :id AND result IS NULL ORDER BY order_id LIMIT :most

-- name: record(id, results)
-- What has a result keeps it: a process that was taken for dead may report the same.
WITH done AS (
    UPDATE bulk_change_orders o
    SET result = r.result, code = r.code, detail = r.detail, order_status = r.order_status
    FROM json_to_recordset(CAST(:results AS json))
        AS r (order_id bigint, result text, code text, detail text, order_status text)
    WHERE o.bulk_change_id = :id AND o.order_id = r.order_id AND o.result IS NULL RETURNING o.result)
UPDATE bulk_changes SET changed = changed + (SELECT count(*) FROM done WHERE result = 'changed'),
    skipped = skipped + (SELECT count(*) FROM done WHERE result = 'skipped')
WHERE id = :id

-- name: finish(id)
-- Once: whoever gets the row notifies.
UPDATE bulk_changes SET finished_at = clock_timestamp() WHERE id = :id AND finished_at IS NULL
RETURNING total, changed, skipped, to_status

-- name: summaries(ids)
-- For notifications in the reader's language.
SELECT id, total, changed, skipped, to_status FROM bulk_changes WHERE id = ANY(:ids)

-- name: erase_jobs(orders, piece)
-- Part of erasing personal data on request: what people wrote for jobs that included one of these orders.
UPDATE bulk_changes SET reason = NULL, filters = NULL WHERE id = ANY(ARRAY(
    SELECT b.id FROM bulk_changes b JOIN bulk_change_orders c ON c.bulk_change_id = b.id
    WHERE c.order_id = ANY(:orders) AND (b.reason IS NOT NULL OR b.filters IS NOT NULL) LIMIT :piece))

-- name: prune_jobs(days, piece)
-- One at a time, with its orders: ten thousand at most.
DELETE FROM bulk_changes WHERE id = ANY(ARRAY(
    SELECT id FROM bulk_changes WHERE finished_at < clock_timestamp() - make_interval(days => :days)
    ORDER BY finished_at LIMIT least(1, :piece)))
