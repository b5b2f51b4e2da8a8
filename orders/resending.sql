-- Sending a notification again.

-- name: sent(order_id, most, seconds)
-- Seconds until it may be sent again, NULL if now; and whether the e-mail of an event before is still underway.
SELECT (SELECT CAST(ceil(:seconds - extract(epoch FROM clock_timestamp() - min(at))) AS integer) FROM (
        SELECT at FROM order_events
        WHERE order_id = :order_id AND type = '{type}' AND at > clock_timestamp() - make_interval(secs => :seconds)
        ORDER BY version DESC LIMIT :most) AS newest HAVING count(*) = :most),
    EXISTS (SELECT FROM side_effects
        WHERE order_id = :order_id AND kind = '{kind}' AND status IN ('pending', 'running'))
