-- Who has seen the conversation of an order up to where, and how much of it a person has not.

-- name: see(order_id, seller_id, buyer_id, role, id, via, notes, up_to, pending, request_id, owner)
-- Marks only move forward. What others see of a mark is one move of `up_to`, so only that has a live event; those of
-- operators and of other systems are their own.
WITH seen AS (
    SELECT (SELECT max(m.id) FROM messages m WHERE m.order_id = :order_id AND m.id <= :up_to) AS message,
        (SELECT max(n.id) FROM internal_notes n WHERE n.order_id = :order_id AND n.id <= :up_to AND :notes) AS note),
marked AS (
    INSERT INTO message_marks AS old (order_id, reader_role, reader_id, reader_via, id, seller_id, buyer_id, up_to,
        notes_up_to, at)
    SELECT :order_id, :role, :id, :via, nextval('message_marks_seq'), :seller_id, :buyer_id, message, note,
        statement_timestamp()
    FROM seen WHERE message IS NOT NULL OR note IS NOT NULL
    ON CONFLICT (order_id, reader_role, reader_id, reader_via) DO UPDATE SET
        id = CASE WHEN excluded.up_to > coalesce(old.up_to, 0) THEN excluded.id ELSE old.id END,
        up_to = greatest(old.up_to, excluded.up_to),
        notes_up_to = greatest(old.notes_up_to, excluded.notes_up_to),
        at = CASE WHEN excluded.up_to > coalesce(old.up_to, 0) THEN excluded.at ELSE old.at END
    WHERE excluded.up_to > coalesce(old.up_to, 0) OR excluded.notes_up_to > coalesce(old.notes_up_to, 0)
    RETURNING id, order_id, reader_role, up_to, at),
moved AS (
    SELECT id, order_id FROM marked
    WHERE up_to IS NOT NULL AND at = statement_timestamp() AND reader_role IN ('seller', 'buyer')),
entry AS (
    {entry})
SELECT entry.event_id, entry.id FROM entry

-- name: marks(order_id, role)
-- As JSON text, one for each reader whom this one can distinguish: of the other side one for the account.
SELECT coalesce('[' || string_agg(mark, ',' ORDER BY up_to, mark) || ']', '[]') FROM (
    SELECT max(up_to) AS up_to, '{"order_id":' || :order_id || ',"reader":' || reader || ',"up_to":' || max(up_to)
        || ',"at":' || to_json(max(at)) || '}' AS mark
    FROM (SELECT k.up_to, k.at, {reader} AS reader FROM message_marks k WHERE k.order_id = :order_id
        AND k.up_to IS NOT NULL AND k.reader_role IN ('seller', 'buyer')) AS of_reader GROUP BY reader) AS of_order

-- name: unread(order_id, role, id, via, notes)
-- Counted up to a limit. A system message was caused by whoever made the change that it reports.
WITH mine AS MATERIALIZED (
    SELECT coalesce(max(up_to), 0) AS up_to, coalesce(max(notes_up_to), 0) AS notes_up_to FROM message_marks
    WHERE order_id = :order_id AND reader_role = :role AND reader_id = :id AND reader_via = :via)
SELECT count(*) FROM (
    (SELECT 1 FROM messages m
        LEFT JOIN LATERAL (SELECT * FROM order_events WHERE id = m.event_id OFFSET 0) AS e ON true
        WHERE m.order_id = :order_id AND m.id > (SELECT up_to FROM mine)
            AND (coalesce(m.author_role, e.actor_role), coalesce(m.author_id, e.actor_id),
                coalesce(m.author_via, e.actor_via, '')) IS DISTINCT FROM (:role, :id, :via)
        LIMIT {count_limit})
    UNION ALL
    (SELECT 1 FROM internal_notes n WHERE :notes AND n.order_id = :order_id AND n.id > (SELECT notes_up_to FROM mine)
            AND (n.author_role, n.author_id, coalesce(n.author_via, '')) IS DISTINCT FROM (:role, :id, :via)
        LIMIT {count_limit})
    LIMIT {count_limit}) AS unread

-- name: unread_orders(ids, role, id, via, notes)
-- Those of these orders in which a person wrote what this one has not seen; each is looked up by its key. What the
-- service writes is no news: it reports changes, which are shown anyway.
SELECT o.id FROM unnest(CAST(:ids AS bigint[])) AS o (id)
CROSS JOIN LATERAL (
    SELECT coalesce(max(k.up_to), 0) AS up_to, coalesce(max(k.notes_up_to), 0) AS notes_up_to FROM message_marks k
    WHERE k.order_id = o.id AND k.reader_role = :role AND k.reader_id = :id AND k.reader_via = :via OFFSET 0) AS mine
WHERE EXISTS (
        SELECT FROM messages m WHERE m.order_id = o.id AND m.id > mine.up_to AND m.kind = 'person'
            AND (m.author_role, m.author_id, coalesce(m.author_via, '')) IS DISTINCT FROM (:role, :id, :via) OFFSET 0)
    OR EXISTS (
        SELECT FROM internal_notes n WHERE :notes AND n.order_id = o.id AND n.id > mine.notes_up_to
            AND (n.author_role, n.author_id, coalesce(n.author_via, '')) IS DISTINCT FROM (:role, :id, :via) OFFSET 0)
