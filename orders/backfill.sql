-- Columns that a migration added, filled for the rows from before it.

-- name: closed_as(piece)
-- In the order of the index of closed orders. Rows that another process is filling are left to it.
UPDATE orders SET closed_as = status WHERE id = ANY(ARRAY(
    SELECT id FROM orders WHERE NOT open AND closed_as IS NULL ORDER BY id LIMIT :piece FOR NO KEY UPDATE SKIP LOCKED))

-- name: unfolded(piece)
-- Orders whose terms were written by a trigger. Locked, so that the orders are read after the lock: whoever changes one
-- of them meanwhile marks it again when this is committed. Those that another process has locked are left to it.
SELECT order_id FROM order_search WHERE NOT folded ORDER BY order_id LIMIT :piece FOR NO KEY UPDATE SKIP LOCKED

-- name: lock_search(order)
-- The same of one order.
SELECT order_id FROM order_search WHERE order_id = :order FOR NO KEY UPDATE

-- name: searchable(orders)
-- All that an order is found by is in its row.
SELECT o.id, row_to_json(o) FROM orders o WHERE o.id = ANY(:orders)

-- name: fold(documents)
-- One statement for all of them.
UPDATE order_search s SET document = array_to_tsvector(w.terms), folded = true
FROM json_to_recordset(CAST(:documents AS json)) AS w (id bigint, terms text[]) WHERE s.order_id = w.id
