-- What a timer asks when its time has come.

-- name: unmoved(event_id bigint)
-- The order's version, if it still has the status that set the timer and had it all the time; other changes are no reason
-- not to move it on.
SELECT o.version FROM order_events e JOIN orders o ON o.id = e.order_id WHERE e.id = :event_id AND NOT {moved_since}
