-- Alerts: what operators are notified of by e-mail.

-- name: raise_alert(key text, kind text, seller_id bigint, shown json, mailed boolean)
-- Once for each key, whichever process is the first. Alerts wait for no other: the number of an order, which effects of
-- one kind wait for, is the negative of their own.
WITH raised AS (
    INSERT INTO alerts (key, kind, seller_id, shown) VALUES (:key, :kind, :seller_id, :shown)
    ON CONFLICT DO NOTHING RETURNING id),
mailed AS ({mail})
SELECT id FROM raised

-- name: alert(id bigint)
-- At each attempt.
SELECT kind, seller_id, shown::text FROM alerts WHERE id = :id

-- name: erase_quoted(addresses, piece)
-- A mail server's error, which opened a circuit, may quote the address of a buyer.
UPDATE alerts SET shown = jsonb_set(shown::jsonb, ARRAY['reason'], '"(erased)"')::json WHERE id = ANY(ARRAY(
    SELECT l.id FROM alerts l WHERE EXISTS (
        SELECT FROM unnest(CAST(:addresses AS text[])) AS a (address)
        WHERE strpos(lower(l.shown ->> 'reason'), lower(a.address)) > 0)
    LIMIT :piece))

-- name: prune_alerts(days, piece)
-- A range of the primary key, since ids follow time.
WITH oldest AS (SELECT id, at FROM alerts ORDER BY id LIMIT :piece),
old AS (SELECT max(id) AS id FROM oldest WHERE at < clock_timestamp() - make_interval(days => :days))
DELETE FROM alerts WHERE id <= (SELECT id FROM old)
