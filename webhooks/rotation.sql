-- Secrets of endpoints under an older key, encrypted again while deliveries go on.

-- fragment: stale
NOT (starts_with(w.secret, :prefix) AND starts_with(w.headers, :prefix)
    AND starts_with(coalesce(w.previous_secret, :prefix), :prefix))

-- name: stale_secrets(prefix, after, limit)
-- Endpoints of which anything is encrypted with another key than the newest. Those that somebody is changing are left
-- out: what never waits for a lock is in no deadlock with those who hold several, such as the claim of deliveries.
SELECT w.id, w.secret, w.previous_secret, w.headers FROM webhook_endpoints w
WHERE w.id > :after AND {stale} ORDER BY w.id LIMIT :limit FOR UPDATE SKIP LOCKED

-- name: replace_secrets(ids, secrets, previous_secrets, headers)
-- In the transaction that has locked them.
UPDATE webhook_endpoints w SET secret = n.secret, previous_secret = n.previous_secret, headers = n.headers
FROM unnest(CAST(:ids AS bigint[]), CAST(:secrets AS text[]), CAST(:previous_secrets AS text[]),
    CAST(:headers AS text[])) AS n (id, secret, previous_secret, headers)
WHERE w.id = n.id

-- name: left_secrets(prefix)
-- What still needs an older key, at the end.
SELECT w.id FROM webhook_endpoints w WHERE {stale} ORDER BY w.id
