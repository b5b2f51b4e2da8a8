-- Bring existing orders in line with the workflow table.

-- name: newest_order()
-- Where the ranges end; orders that are placed later are in line already.
SELECT coalesce(max(id), 0) FROM orders

-- name: close_or_open(after, through, known, closed)
-- For a range of ids: an order in a closed status is closed, any other is open. Unknown statuses are left alone.
UPDATE orders SET open = NOT open, closed_as = CASE WHEN open THEN status END WHERE id > :after AND id <= :through AND status = ANY(:known)
AND open = (status = ANY(:closed))
