-- What the demo asks before it begins.

-- name: any_order()
-- Only an empty database is filled.
SELECT EXISTS (SELECT FROM orders)
