-- What operators see of single side effects. Where they choose which, the statement is composed.

-- name: newest_below(before)
-- Where a page of all side effects begins.
SELECT max(id) FROM side_effects WHERE id < :before

-- name: dead_below(before, span)
-- The dead letter down to which a page looks.
SELECT id FROM side_effects WHERE status = 'dead' AND id < :before ORDER BY id DESC OFFSET :span LIMIT 1

-- name: orders_named(id, number)
-- By its id or its number, which is unique within a shop only.
SELECT id FROM orders WHERE id = :id
UNION SELECT id FROM (SELECT id FROM orders WHERE number = :number LIMIT {most_orders}) AS o ORDER BY id

-- name: counts(counted)
-- By status, as far as an index has them, and up to a limit: a page never counts a large table. In the order of the
-- indexes: read from the beginning, all that is done may come first.
SELECT status, count(*) FROM (
    (SELECT status FROM side_effects WHERE status = 'pending' ORDER BY kind, scheduled_at LIMIT :counted + 1)
    UNION ALL (SELECT status FROM side_effects WHERE status = 'dead' ORDER BY id LIMIT :counted + 1)
    UNION ALL (SELECT 'running' FROM side_effects WHERE claimed_until > '-infinity' ORDER BY claimed_until
        LIMIT :counted + 1)) AS s
GROUP BY status
