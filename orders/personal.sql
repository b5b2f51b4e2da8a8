-- Personal data of a buyer.

-- name: orders(buyer, after, piece)
-- A buyer's orders, page by page.
SELECT id FROM orders WHERE buyer_id = :buyer AND id > :after ORDER BY id LIMIT :piece

-- name: sellers(buyer)
-- Their channels have live events that mention the buyer.
SELECT DISTINCT seller_id FROM orders WHERE buyer_id = :buyer

-- name: addresses(orders)
-- What errors may quote.
SELECT DISTINCT buyer_email FROM orders WHERE id = ANY(:orders) AND buyer_email <> ''

-- name: names(buyer)
-- What a buyer is called, in all of the orders.
SELECT DISTINCT unnest(ARRAY[buyer_name, buyer_email]) FROM orders WHERE buyer_id = :buyer

-- name: erase_buyer(orders, piece)
-- Name, addresses, and what people wrote. Rows that are erased already are skipped, so a repetition ends at once.
UPDATE orders SET buyer_name = '{erased_name}', buyer_email = '', delivery = NULL, note = NULL, metadata = NULL,
    tags = NULL
WHERE id = ANY(ARRAY(
    SELECT id FROM orders WHERE id = ANY(:orders) AND ((buyer_name, buyer_email) <> ('{erased_name}', '')
        OR delivery IS NOT NULL OR note IS NOT NULL OR metadata IS NOT NULL OR tags IS NOT NULL)
    ORDER BY id LIMIT :piece FOR UPDATE))

-- name: erase_edits(orders, piece)
-- What edits changed; the history keeps the names of the members.
DELETE FROM order_edits WHERE event_id = ANY(ARRAY(
    SELECT d.event_id FROM order_events e JOIN order_edits d ON d.event_id = e.id
    WHERE e.order_id = ANY(:orders) LIMIT :piece))

-- name: erase_reasons(orders, piece)
-- Reasons that people gave for a change. The rows of the history stay.
DELETE FROM order_reasons WHERE event_id = ANY(ARRAY(
    SELECT r.event_id FROM order_events e JOIN order_reasons r ON r.event_id = e.id
    WHERE e.order_id = ANY(:orders) LIMIT :piece))

-- name: erase_imports(orders, piece)
-- What a line of an import said could be guessed by its digest. Its id stays, so that a repetition brings nothing of it back.
UPDATE order_imports SET digest = NULL WHERE order_id = ANY(ARRAY(
    SELECT order_id FROM order_imports WHERE order_id = ANY(:orders) AND digest IS NOT NULL LIMIT :piece))

-- name: erase_errors(orders, piece)
-- A mail server's refusal may quote the buyer's address; the fingerprint is the beginning of the error.
UPDATE side_effects SET last_error = '', fingerprint = '', attempt_log = '[]' WHERE id = ANY(ARRAY(
    SELECT s.id FROM order_events e JOIN side_effects s ON s.event_type IN ('order', 'timer') AND s.event_id = e.id
    WHERE e.order_id = ANY(:orders) AND (s.last_error, s.fingerprint, s.attempt_log) <> ('', '', '[]')
    UNION SELECT s.id FROM bulk_change_orders c
    JOIN side_effects s ON s.event_type = 'bulk_change' AND s.event_id = c.bulk_change_id
    WHERE c.order_id = ANY(:orders) AND (s.last_error, s.fingerprint, s.attempt_log) <> ('', '', '[]') LIMIT :piece))

-- name: export_orders(buyer, after, piece)
-- Orders with their history, page by page.
SELECT o.id, row_to_json(o), (
    SELECT coalesce(json_agg(row_to_json(e) ORDER BY e.version), '[]')
    FROM (SELECT e.*, d.before, d.after FROM {events} e LEFT JOIN order_edits d ON d.event_id = e.id) AS e
    WHERE e.order_id = o.id)
FROM orders o WHERE o.buyer_id = :buyer AND o.id > :after ORDER BY o.id LIMIT :piece
