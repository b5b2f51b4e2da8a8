-- Endpoints as the command line sees them: those of all owners.

-- name: every(after, piece)
-- Page by page.
SELECT id, seller_id, CASE WHEN disabled THEN 'disabled' WHEN failing_since IS NULL THEN 'enabled'
    ELSE 'failing since ' || to_char(failing_since, 'MM-DD HH24:MI') END, url
FROM webhook_endpoints WHERE id > :after ORDER BY id LIMIT :piece

-- name: disable(id, reason)
-- Its deliveries are parked until it is enabled.
UPDATE webhook_endpoints SET disabled = true, disabled_at = clock_timestamp(), disabled_reason = :reason
WHERE id = :id AND NOT disabled

-- name: enable(id)
-- It starts afresh.
UPDATE webhook_endpoints SET disabled = false, disabled_at = NULL, disabled_reason = '', failing_since = NULL, notified = 0,
    waits_until = clock_timestamp()
WHERE id = :id AND disabled

-- name: release(destination, piece)
-- What waits for its next attempt is due now; the claim paces it.
UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE id = ANY(ARRAY(
    SELECT id FROM side_effects WHERE destination = :destination AND status = 'pending' AND kind = 'webhook.delivery'
    AND scheduled_at > clock_timestamp() LIMIT :piece))
