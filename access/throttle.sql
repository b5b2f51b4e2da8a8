-- Sign-in attempts, counted in the database, so that all processes share the counts.

-- name: count(key, window)
-- Count an attempt, in a window that begins with the first; returns the count and the seconds until the window ends.
INSERT INTO sign_in_attempts AS t (key, count) VALUES (:key, 1)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN t.since < clock_timestamp() - make_interval(secs => :window) THEN 1 ELSE t.count + 1 END,
    since = CASE WHEN t.since < clock_timestamp() - make_interval(secs => :window) THEN clock_timestamp()
                 ELSE t.since END
RETURNING count, CAST(ceil(:window - extract(epoch FROM clock_timestamp() - since)) AS int)

-- name: prune(window)
-- Every attempt deletes some old rows, so no job has to. Rows that another request has locked are left to it.
DELETE FROM sign_in_attempts WHERE key = ANY(ARRAY(
    SELECT key FROM sign_in_attempts WHERE since < clock_timestamp() - make_interval(secs => :window)
    ORDER BY since LIMIT {pruned} FOR UPDATE SKIP LOCKED))

-- name: forget(key)
-- A successful sign-in resets the count.
DELETE FROM sign_in_attempts WHERE key = :key

-- name: uncount(key)
-- A counter that several people share is reduced by the successful attempt only.
UPDATE sign_in_attempts SET count = count - 1 WHERE key = :key AND count > 0
