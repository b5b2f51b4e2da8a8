-- API keys of other systems.

-- name: use(hash, demo)
-- Look up a key, if neither it nor any of its ancestors is revoked, and note when it was used.
UPDATE api_keys k SET last_used_at = clock_timestamp()
WHERE hash = :hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
    AND (NOT demo OR :demo)
    AND NOT EXISTS (SELECT 1 FROM api_keys a WHERE a.id = ANY(k.ancestors) AND a.revoked_at IS NOT NULL)
RETURNING ancestors || id, role, principal_id, scopes, demo, extract(epoch FROM created_at),
    extract(epoch FROM expires_at)

-- name: add(hash, prefix, name, role, principal_id, scopes, expires_at, actor, ancestors, demo)
-- The key itself is shown once and never stored: only its hash, and a prefix by which people recognise it.
INSERT INTO api_keys (hash, prefix, name, role, principal_id, scopes, expires_at, actor, ancestors, demo)
VALUES (:hash, :prefix, :name, :role, :principal_id, :scopes, :expires_at, :actor, :ancestors, :demo) RETURNING id

-- name: hold(ids)
-- Whether none of these keys is revoked.
SELECT NOT EXISTS (SELECT 1 FROM api_keys a WHERE a.id = ANY(CAST(:ids AS bigint[])) AND a.revoked_at IS NOT NULL)

-- name: list()
-- For operators. The newest 1,000 are enough for a page.
SELECT id, prefix, name, role, principal_id, scopes, actor, ancestors[cardinality(ancestors)] AS parent_id,
    created_at, expires_at, last_used_at, revoked_at
FROM api_keys ORDER BY id DESC LIMIT 1000

-- name: erase_names(role, id)
-- Part of erasing personal data on request.
UPDATE api_keys SET name = '(erased)' WHERE role = :role AND principal_id = :id

-- name: made_by(actor)
-- The valid keys that somebody created.
SELECT id FROM api_keys WHERE actor = :actor AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY id LIMIT 100

-- name: name(id)
-- How a key is called.
SELECT name FROM api_keys WHERE id = :id

-- name: find(id)
-- The row stays locked until the revocation commits, so that two revocations cannot both succeed.
SELECT ancestors || id, role FROM api_keys WHERE id = :id AND revoked_at IS NULL FOR UPDATE

-- name: take_back(id)
-- Revoking a key revokes every key that was created with it, directly or not.
UPDATE api_keys SET revoked_at = clock_timestamp()
WHERE (id = :id OR ancestors @> ARRAY[CAST(:id AS bigint)]) AND revoked_at IS NULL
