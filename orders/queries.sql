-- Read orders: an order of somebody else is not found. The board is composed for its reader.

-- fragment: party
-- Limits orders `o` to those of a seller or a buyer; NULL limits nothing.
(CAST(:seller AS bigint) IS NULL OR o.seller_id = CAST(:seller AS bigint))
    AND (CAST(:buyer AS bigint) IS NULL OR o.buyer_id = CAST(:buyer AS bigint))

-- name: order(order_id, seller, buyer, role)
-- `allowed_transitions` differs from reader to reader, and is appended to the text in Python.
SELECT o.status, o.version, {head} FROM orders o WHERE o.id = :order_id AND {party}

-- name: parties(order_id, seller, buyer)
-- Who may see what belongs to the order.
SELECT o.seller_id, o.buyer_id FROM orders o WHERE o.id = :order_id AND {party}

-- name: history(order_id, after, limit, role)
-- A page, oldest first, with the bits of the effects that each event has.
SELECT e.id, e.version, e.effect_bits, {event} FROM {events} e WHERE e.order_id = :order_id AND e.version > :after
ORDER BY e.version LIMIT :limit

-- name: changes(ids)
-- What notifications are about: the events of these ids, with the numbers of their orders.
SELECT e.id, e.type, e.to_status, o.number FROM order_events e JOIN orders o ON o.id = e.order_id WHERE e.id = ANY(:ids)
