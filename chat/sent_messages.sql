-- Messages of people, for their effects.

-- name: load_messages(ids bigint[])
-- At each attempt: what was erased meanwhile is sent to nobody.
SELECT id, order_id, seller_id, buyer_id, author_role, author_id, author_via, body FROM messages
WHERE id = ANY(:ids) AND kind = 'person' AND body <> '(erased)'
