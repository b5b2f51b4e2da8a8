-- Digests: one e-mail about all that a window has collected for one person.

-- name: collect(owner text, due timestamptz, event_type text, event_id bigint, order_id bigint, request_id text)
-- Adds to the digest that is sent at this moment, and sees to its e-mail; no row if it is being sent already. Locking the
-- digest keeps it open until the entry is committed. A repetition adds nothing. The e-mail belongs to no order: its
-- `order_id` is the digest's id, negative, so that no digest waits for another.
WITH open AS (
    INSERT INTO digests AS d (owner, due_at) VALUES (:owner, :due)
    ON CONFLICT (owner, due_at) DO UPDATE SET owner = excluded.owner WHERE d.closed_at IS NULL
    RETURNING d.id),
entry AS (
    INSERT INTO digest_entries (owner, event_type, event_id, digest_id, order_id)
    SELECT :owner, :event_type, :event_id, id, :order_id FROM open ON CONFLICT DO NOTHING),
mail AS ({insert_mail})
SELECT id FROM open

-- name: close_digest(id bigint)
-- From now on nothing is added; whose it is.
UPDATE digests SET closed_at = coalesce(closed_at, clock_timestamp()) WHERE id = :id RETURNING owner

-- name: erase_entries(orders, piece)
-- Part of erasing personal data on request: a digest contains nothing of these orders.
DELETE FROM digest_entries WHERE (owner, event_type, event_id) IN (
    SELECT owner, event_type, event_id FROM digest_entries WHERE order_id = ANY(:orders) LIMIT :piece)

-- name: prune_digests(days, piece)
-- What was sent, or given up, long ago.
WITH old AS (
    DELETE FROM digests WHERE id = ANY(ARRAY(SELECT id FROM digests
        WHERE due_at < clock_timestamp() - make_interval(days => :days) ORDER BY due_at LIMIT :piece)) RETURNING id)
DELETE FROM digest_entries WHERE digest_id = ANY(ARRAY(SELECT id FROM old))
