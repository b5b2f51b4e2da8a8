-- What a digest contains.

-- name: entries_of_digest(digest_id bigint)
-- With the order as it is now; nothing of buyers whose data were erased. Messages have no row in the history.
SELECT e.type, e.to_status, o.number, o.id, o.buyer_id, o.buyer_email
FROM digest_entries d
CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = d.order_id OFFSET 0) AS o
LEFT JOIN LATERAL (SELECT * FROM order_events WHERE id = d.event_id OFFSET 0) AS e ON d.event_type = '{event_type}'
WHERE d.digest_id = :digest_id AND o.buyer_email <> '' ORDER BY d.order_id, d.event_id

-- name: reader_of_digest(owner text, id bigint)
-- Of somebody of a shop, the address, name and language; nothing is sent to an account that was disabled or deleted. Of
-- a buyer, the name and language of the account, where there is one.
SELECT CASE :owner WHEN 'person' THEN email ELSE '' END, name, language FROM people
WHERE disabled_at IS NULL
    AND (:owner = 'person' AND id = :id OR :owner = 'buyer' AND role = 'buyer' AND principal_id = :id)
ORDER BY id LIMIT 1
