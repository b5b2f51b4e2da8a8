-- Tries to sign in, counted in the database, so that all processes count together.

-- name: count(key, window)
-- One more try, in a window that begins with the first one; returns how many it are, and for how long they count.
INSERT INTO sign_in_tries AS t (key, count) VALUES (:key, 1)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN t.since < clock_timestamp() - make_interval(secs => :window) THEN 1 ELSE t.count + 1 END,
    since = CASE WHEN t.since < clock_timestamp() - make_interval(secs => :window) THEN clock_timestamp()
                 ELSE t.since END
RETURNING count, CAST(ceil(:window - extract(epoch FROM clock_timestamp() - since)) AS int)

-- name: prune(window)
-- Old rows go with each try, so that no job has to delete them; what another request is deleting is left to it.
DELETE FROM sign_in_tries WHERE key = ANY(ARRAY(
    SELECT key FROM sign_in_tries WHERE since < clock_timestamp() - make_interval(secs => :window)
    ORDER BY since LIMIT {pruned} FOR UPDATE SKIP LOCKED))

-- name: forget(key)
-- Who signed in begins anew.
DELETE FROM sign_in_tries WHERE key = :key

-- name: uncount(key)
-- What many share forgets only the try that was right.
UPDATE sign_in_tries SET count = count - 1 WHERE key = :key AND count > 0
