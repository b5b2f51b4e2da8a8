-- Work that goes on without whoever started it.

-- name: may_act(who, via, role, id, since)
-- Neither revoked since, nor by a person or a key that was disabled. By keys only.
SELECT NOT EXISTS (SELECT FROM revocations WHERE subject = :who AND at >= :since)
    AND CASE split_part(:via, ':', 1)
    WHEN 'person' THEN EXISTS (SELECT FROM people p WHERE p.id = CAST(split_part(:via, ':', 2) AS bigint)
        AND p.disabled_at IS NULL AND p.role = :role AND p.principal_id = :id)
    WHEN 'key' THEN EXISTS (SELECT FROM api_keys k WHERE k.id = CAST(split_part(:via, ':', 2) AS bigint)
        AND k.revoked_at IS NULL
        AND NOT EXISTS (SELECT FROM api_keys a WHERE a.id = ANY(k.ancestors) AND a.revoked_at IS NOT NULL))
    ELSE true END
