-- Whom e-mails reach.

-- name: addressees(role text, principal_id bigint)
-- The accounts of a principal, or of everybody with this role if :principal_id is NULL, in an order that stays.
SELECT id, email, name, coalesce(language, '') FROM people
WHERE role = :role AND (:principal_id IS NULL OR principal_id = :principal_id) AND disabled_at IS NULL
ORDER BY id LIMIT {most}
