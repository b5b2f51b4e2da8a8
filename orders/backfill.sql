-- Columns that a migration added, filled for the rows from before it.

-- name: closed_as(piece)
-- In the order of the index of closed orders. Rows that another process is filling are left to it.
UPDATE orders SET closed_as = status WHERE id = ANY(ARRAY(
    SELECT id FROM orders WHERE NOT open AND closed_as IS NULL ORDER BY id LIMIT :piece FOR NO KEY UPDATE SKIP LOCKED))
