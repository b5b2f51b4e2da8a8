-- What the e-mail about a new order says.

-- name: new_order_of_event(event_id bigint)
-- As it was placed; its number and amount do not change. `actor_via` is the person who placed it, if it was one.
SELECT o.number, e.to_status, o.total_minor, o.currency, o.id, o.seller_id, e.actor_via
FROM {events} e JOIN orders o ON o.id = e.order_id WHERE e.id = :event_id
