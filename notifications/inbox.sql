-- A person's notifications. The statements that write them are composed with the effects.

-- fragment: mine
recipient_id = :id AND recipient_role = :role

-- name: inbox(id, role, before, limit)
-- A page as JSON text, and the lowest id on it.
SELECT '[' || coalesce(string_agg(row_to_json(members)::text, ',' ORDER BY id DESC), '') || ']',
    min(id), count(*) FROM (
    SELECT {members} FROM notifications WHERE {mine} AND id < :before ORDER BY id DESC LIMIT :limit) AS members

-- name: unread(id, role)
-- Counted up to a limit: nobody needs a larger number, and counting would cost.
SELECT count(*) FROM (SELECT FROM notifications WHERE {mine} AND read_at IS NULL LIMIT {count_limit}) AS unread

-- name: read(id, role, up_to, piece)
-- In pieces, in the order of the index: without the id in it, the index makes writing a notification cheaper.
UPDATE notifications SET read_at = clock_timestamp() WHERE id = ANY(ARRAY(
    SELECT id FROM notifications WHERE {mine} AND read_at IS NULL AND id <= :up_to
    LIMIT :piece FOR NO KEY UPDATE SKIP LOCKED))

-- name: empty(id, piece)
-- Part of erasing personal data on request.
DELETE FROM notifications WHERE id = ANY(ARRAY(
    SELECT id FROM notifications WHERE recipient_role = 'buyer' AND recipient_id = :id ORDER BY id LIMIT :piece))

-- name: erase(orders, piece)
-- The body is what somebody wrote, but for generic ones; titles hold no personal data.
UPDATE notifications SET body = '' WHERE id = ANY(ARRAY(
    SELECT n.id FROM notifications n JOIN order_events e ON e.id = n.event_id
    WHERE e.order_id = ANY(:orders) AND n.kind <> 'generic' AND n.body <> '' LIMIT :piece))

-- name: export(id, after, piece)
-- Part of the personal data that is handed out on request.
SELECT id, row_to_json(n) FROM notifications n
WHERE recipient_role = 'buyer' AND recipient_id = :id AND id > :after ORDER BY id LIMIT :piece

-- name: prune(days, piece)
-- A range of the primary key, of bounded length, since ids follow time.
WITH oldest AS (SELECT id, created_at FROM notifications ORDER BY id LIMIT :piece),
old AS (SELECT max(id) AS id FROM oldest WHERE created_at < clock_timestamp() - make_interval(days => :days))
DELETE FROM notifications WHERE id <= (SELECT id FROM old)
