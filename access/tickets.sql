-- One-time tickets for streams.

-- name: issue(hash, role, id, credential, ends, scopes, demo)
-- Every new ticket deletes some expired ones, so no job has to.
WITH unused AS (DELETE FROM stream_tickets WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM stream_tickets WHERE expires_at < clock_timestamp()
    ORDER BY expires_at LIMIT {pruned} FOR UPDATE SKIP LOCKED)))
INSERT INTO stream_tickets (hash, role, principal_id, credential, credential_expires, scopes, demo, expires_at)
VALUES (:hash, :role, :id, :credential, :ends, :scopes, :demo, clock_timestamp() + interval '{ticket_seconds} s')

-- name: redeem(hash, demo)
-- Deleted on use, so a ticket can be used once, in whichever process.
DELETE FROM stream_tickets WHERE hash = :hash AND expires_at > clock_timestamp() AND (NOT demo OR :demo)
RETURNING role, principal_id, credential, credential_expires, scopes, demo, extract(epoch FROM created_at)
