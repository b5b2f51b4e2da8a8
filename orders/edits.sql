-- Editing orders; orders/locked_orders.sql has the statement that writes.

-- name: shipped(order_id, statuses)
-- Whether the order ever was in one of these statuses.
SELECT EXISTS (SELECT FROM order_events WHERE order_id = :order_id AND to_status = ANY(:statuses))
