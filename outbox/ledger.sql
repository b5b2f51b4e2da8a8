-- Where the effects of a subject stand.

-- name: ledger_of_order(event_type text, order_id bigint, event_ids bigint[])
-- What an entry still has to do, and what has a row of its own; what is neither has succeeded.
-- Side effects by what they are for: those that are done stand in no index by `order_id`.
SELECT event_id, NULL::text, NULL::text, pending::text, NULL::int, NULL::text FROM outbox
    WHERE event_type = :event_type AND order_id = :order_id
UNION ALL SELECT event_id, kind, destination, status, attempts, last_error FROM side_effects
    WHERE event_type = :event_type AND event_id = ANY(:event_ids)

-- name: ledger_unfinished(event_type text, order_id bigint, event_id bigint)
-- Whether anything waits or runs: what `Prefer: wait` asks until it does not.
SELECT EXISTS (SELECT FROM outbox WHERE event_type = :event_type AND order_id = :order_id AND event_id = :event_id)
    OR EXISTS (SELECT FROM side_effects
        WHERE event_type = :event_type AND event_id = :event_id AND status IN ('pending', 'running'))
