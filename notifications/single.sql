-- Notifications that are about no order.

-- name: add_single(kind, event_id, role, id, title, body)
-- None of them is part of a burst: in place of an order's id each has a number of its own, which no order has.
INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
VALUES (:event_id, -:event_id, :kind, :role, :id, :title, :body) RETURNING id, created_at
