-- Existing orders brought in line with the workflow table.

-- name: newest_order()
-- Up to where the ranges go; what is placed meanwhile is in line already.
SELECT coalesce(max(id), 0) FROM orders

-- name: close_or_open(after, through, known, finals)
-- A range of ids: an order in a final status is closed, any other is open. Statuses that the table does not know stay.
UPDATE orders SET open = NOT open WHERE id > :after AND id <= :through AND status = ANY(:known)
AND open = (status = ANY(:finals))
