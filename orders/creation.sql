-- Placing orders.

-- name: placed_before(key, id, role)
-- The result of an earlier request with the same key, and what it sent: the order as it was placed, whatever has
-- happened since.
SELECT {head_as_placed},
    o.id, o.seller_id, o.buyer_id, o.items::text, o.currency, o.buyer_name, o.buyer_email, o.number, e.type
FROM order_events e JOIN orders o ON o.id = e.order_id
WHERE e.idempotency_key = :key AND e.actor_id = :id AND e.actor_role = :role
