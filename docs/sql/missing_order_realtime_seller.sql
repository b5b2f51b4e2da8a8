-- missing_order_realtime_seller
-- The completeness check of realtime.seller, in one piece of the events.
-- Composed in operations/completeness.py.

SELECT e.id FROM order_events e
        WHERE e.id BETWEEN :low AND :high AND e.at > clock_timestamp() - make_interval(hours => :hours)
        AND e.at < clock_timestamp() - make_interval(secs => :completed)
        AND e.effect_bits & 1 <> 0
        AND NOT EXISTS (SELECT FROM outbox o WHERE o.event_type = 'order' AND o.event_id = e.id
            AND o.pending & 1 <> 0)
        AND NOT EXISTS (SELECT FROM side_effects s WHERE s.event_type = 'order' AND s.event_id = e.id
            AND s.kind = 'realtime.seller' AND s.status <> 'succeeded')
        AND NOT (EXISTS (SELECT FROM orders o WHERE o.id = e.order_id AND o.buyer_email = '')) AND NOT EXISTS (SELECT FROM live_events r WHERE r.event_id = e.id AND r.channel = 'seller:' || e.seller_id AND r.type = e.type)
        AND NOT EXISTS (SELECT FROM realtime_events r WHERE r.order_id = e.order_id AND r.channel = 'seller:' || e.seller_id AND r.type = e.type
        AND (r.data::json -> 'event' ->> 'id')::bigint = e.id)
        AND NOT EXISTS (SELECT FROM realtime_events r WHERE r.order_id IS NULL AND r.channel = 'seller:' || e.seller_id AND r.type = e.type
        AND (r.data::json -> 'event' ->> 'id')::bigint = e.id) ORDER BY e.id
