-- Orders with e-mails that could not be delivered.

-- name: undelivered(ids)
-- Those of these orders with an e-mail about one of their latest changes that was given up. By keys only: the changes of
-- the order, then the effects of each. OFFSET 0 leaves no other choice.
SELECT o.id FROM unnest(CAST(:ids AS bigint[])) AS o (id)
WHERE EXISTS (
    SELECT FROM (SELECT e.id FROM order_events e WHERE e.order_id = o.id ORDER BY e.version DESC LIMIT {latest}) AS e
    CROSS JOIN LATERAL (
        SELECT s.status FROM side_effects s
        WHERE s.event_type = 'order' AND s.event_id = e.id AND s.kind LIKE 'email.%' OFFSET 0) AS s
    WHERE s.status = 'dead')
