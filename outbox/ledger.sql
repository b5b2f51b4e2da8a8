-- The status of the effects of a change.

-- name: ledger_of_order(event_type text, order_id bigint, event_ids bigint[])
-- Pending bits of outbox entries, and the rows of side effects; what is in neither has succeeded. Side effects by
-- event: finished ones are in no index by `order_id`.
SELECT event_id, NULL::text, NULL::text, pending::text, NULL::int, NULL::text FROM outbox
    WHERE event_type = :event_type AND order_id = :order_id
UNION ALL SELECT event_id, kind, destination, status, attempts, last_error FROM side_effects
    WHERE event_type = :event_type AND event_id = ANY(:event_ids)

-- name: ledger_unfinished(event_type text, order_id bigint, event_id bigint)
-- Whether anything is pending or running; `Prefer: wait` polls it, and does not wait for what is set for later.
SELECT EXISTS (SELECT FROM outbox WHERE event_type = :event_type AND order_id = :order_id AND event_id = :event_id)
    OR EXISTS (SELECT FROM side_effects
        WHERE event_type = :event_type AND event_id = :event_id AND status IN ('pending', 'running')
          AND NOT (attempts = 0 AND status = 'pending' AND scheduled_at > clock_timestamp()))
