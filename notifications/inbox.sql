-- A person's notifications. The statements that write them are composed with the effects.

-- fragment: mine
recipient_id = :id AND recipient_role = :role

-- fragment: followed
-- Whether the notification `n` is part of a burst and not its newest: the next one about its order, which has one
-- recipient on each side, came soon enough. One look into an index, however many there are, and whatever the statistics
-- say: only that index has this order.
EXISTS (SELECT FROM (
        SELECT order_id, recipient_role, created_at FROM notifications
        WHERE (order_id, recipient_role, id) > (n.order_id, n.recipient_role, n.id)
        ORDER BY order_id, recipient_role, id LIMIT 1) AS next
    WHERE next.order_id = n.order_id AND next.recipient_role = n.recipient_role
        AND next.created_at <= n.created_at + interval '{burst_seconds} s')

-- fragment: burst
-- What the notification `n` stands for: itself, and those before it about its order, each soon before the next.
SELECT id, kind, event_id FROM (
    SELECT *, count(*) FILTER (WHERE pause > interval '{burst_seconds} s') OVER (ORDER BY id DESC) AS pauses FROM (
        SELECT id, kind, event_id, lag(created_at) OVER (ORDER BY id DESC) - created_at AS pause FROM (
            SELECT id, kind, event_id, created_at FROM notifications
            WHERE order_id = n.order_id AND recipient_role = n.recipient_role AND id <= n.id
            ORDER BY id DESC LIMIT {burst_rows}) AS newest) AS apart) AS counted
WHERE pauses = 0

-- name: inbox(id, role, before, limit)
-- A page as JSON text, and the cursor of the next one.
SELECT '[' || coalesce(string_agg(row_to_json(members)::text, ',' ORDER BY id DESC), '') || ']',
    CASE WHEN count(*) = :limit THEN min(id) END FROM (
    SELECT {members} FROM notifications WHERE {mine} AND id < :before ORDER BY id DESC LIMIT :limit) AS members

-- name: entries(id, role, before, limit)
-- The same with one entry for each burst. A page reads so many rows at most, and is short where bursts are long.
SELECT '[' || coalesce(string_agg(row_to_json(members)::text, ',' ORDER BY id DESC), '') || ']',
    CASE WHEN count(*) = :limit THEN min(id) ELSE (
        SELECT id FROM notifications WHERE {mine} AND id < :before ORDER BY id DESC OFFSET {rows_read} - 1 LIMIT 1)
    END FROM (
    SELECT {members}, (SELECT count(DISTINCT (kind = 'message', event_id)) FROM ({burst}) AS of_it) AS count
    FROM (SELECT * FROM notifications WHERE {mine} AND id < :before ORDER BY id DESC LIMIT {rows_read}) AS n
    WHERE NOT {followed} ORDER BY id DESC LIMIT :limit) AS members

-- name: unread(roles, ids)
-- The unread entries of each of these recipients, up to a limit: nobody needs a larger number, and counting would cost.
-- And their newest notification, as of which that is the number.
SELECT role || ':' || who.id,
    (SELECT count(*) FROM (
        SELECT FROM (
            SELECT * FROM notifications
            WHERE recipient_id = who.id AND recipient_role = who.role AND read_at IS NULL LIMIT {rows_read}) AS n
        WHERE NOT {followed} LIMIT {count_limit}) AS unread),
    (SELECT id FROM (
        SELECT recipient_id, recipient_role, id FROM notifications
        WHERE (recipient_id, recipient_role, id) <= (who.id, who.role, {largest_id})
        ORDER BY recipient_id DESC, recipient_role DESC, id DESC LIMIT 1) AS newest
    WHERE recipient_id = who.id AND recipient_role = who.role)
FROM unnest(CAST(:roles AS text[]), CAST(:ids AS bigint[])) AS who (role, id)

-- name: read(id, role, up_to, piece)
-- In pieces, in the order of the index: without the id in it, the index makes writing a notification cheaper.
UPDATE notifications SET read_at = clock_timestamp() WHERE id = ANY(ARRAY(
    SELECT id FROM notifications WHERE {mine} AND read_at IS NULL AND id <= :up_to
    LIMIT :piece FOR NO KEY UPDATE SKIP LOCKED))

-- name: read_some(id, role, ids)
-- With all that each of them stands for.
UPDATE notifications SET read_at = clock_timestamp() WHERE id = ANY(ARRAY(
    SELECT id FROM notifications WHERE read_at IS NULL AND id = ANY(ARRAY(
        SELECT of_it.id FROM notifications n CROSS JOIN LATERAL ({burst}) AS of_it WHERE {mine} AND n.id = ANY(:ids)))
    FOR NO KEY UPDATE SKIP LOCKED))

-- name: empty(id, piece)
-- Part of erasing personal data on request.
DELETE FROM notifications WHERE id = ANY(ARRAY(
    SELECT id FROM notifications WHERE recipient_role = 'buyer' AND recipient_id = :id ORDER BY id LIMIT :piece))

-- name: erase(orders, piece)
-- The body is what somebody wrote, but for generic ones; titles hold no personal data. Those of messages and internal
-- notes have the message's id as their event's.
UPDATE notifications SET body = '' WHERE id = ANY(ARRAY(
    SELECT id FROM notifications WHERE order_id = ANY(:orders) AND kind <> 'generic' AND body <> '' LIMIT :piece))

-- name: export(id, after, piece)
-- Part of the personal data that is handed out on request.
SELECT id, row_to_json(n) FROM notifications n
WHERE recipient_role = 'buyer' AND recipient_id = :id AND id > :after ORDER BY id LIMIT :piece

-- name: prune(days, piece)
-- A range of the primary key, of bounded length, since ids follow time.
WITH oldest AS (SELECT id, created_at FROM notifications ORDER BY id LIMIT :piece),
old AS (SELECT max(id) AS id FROM oldest WHERE created_at < clock_timestamp() - make_interval(days => :days))
DELETE FROM notifications WHERE id <= (SELECT id FROM old)
