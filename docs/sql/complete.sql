-- complete
-- A batch of outbox entries, with all effects that are rows. Takes $1 bigint[], $2 bigint[].
-- Composed in outbox/completion.py.

SELECT pg_advisory_xact_lock(9002), set_config('lock_timeout', '250ms', true), set_config('statement_timeout', '500ms', true);
WITH gone AS (
    DELETE FROM outbox WHERE id = ANY($1) RETURNING id, event_type, event_id, pending),
mine AS MATERIALIZED (
    SELECT event_type, order_id, max(id) AS last FROM (
        SELECT id, event_type, order_id FROM outbox WHERE id = ANY($1 || $2) OFFSET 0) AS these GROUP BY event_type,
        order_id),
waiting AS (
    SELECT id, event_type, event_id, pending FROM outbox WHERE pending & 495 <> 0 AND id = ANY(ARRAY(
        (SELECT unnest($2) UNION
        SELECT earlier.id FROM mine CROSS JOIN LATERAL (
            SELECT id FROM outbox WHERE order_id = mine.order_id AND event_type = mine.event_type AND id + 0 <
            mine.last OFFSET 0
        ) AS earlier)
        EXCEPT SELECT unnest($1)))
    ORDER BY id FOR UPDATE),
kept AS (
    UPDATE outbox SET pending = pending & ~495 WHERE id = ANY(ARRAY(SELECT id FROM waiting))),
completed AS MATERIALIZED (
    SELECT id, event_type, event_id, pending & 495 AS pending FROM gone
    UNION ALL SELECT id, event_type, event_id, pending & 495 FROM waiting),
labels (status, seller_label, buyer_label, seller_notice, buyer_notice, seller_allowed, buyer_allowed) AS (VALUES
        (E'PENDING'::text, E'New'::text, E'Order placed'::text, E'New order #{number} is waiting for you.'::text, NULL::text, E'["CONFIRMED","CANCELLED"]'::text, E'["CANCELLED"]'::text),
        (E'CONFIRMED'::text, E'Confirmed'::text, E'Order confirmed'::text, E'Order #{number} was confirmed.'::text, E'Your order #{number} was confirmed.'::text, E'["PREPARING","CANCELLED"]'::text, E'["CANCELLED"]'::text),
        (E'PREPARING'::text, E'Preparing'::text, E'Being prepared'::text, E'Order #{number} is in preparation.'::text, E'Your order #{number} is being prepared.'::text, E'["READY","SHIPPED","CANCELLED"]'::text, E'[]'::text),
        (E'READY'::text, E'Ready'::text, E'Ready to go'::text, E'Order #{number} is ready.'::text, E'Your order #{number} is packed and ready.'::text, E'["SHIPPED","DELIVERED","CANCELLED"]'::text, E'[]'::text),
        (E'SHIPPED'::text, E'Shipped'::text, E'On its way'::text, E'Order #{number} was shipped.'::text, E'Your order #{number} is on its way.'::text, E'["DELIVERED"]'::text, E'[]'::text),
        (E'DELIVERED'::text, E'Delivered'::text, E'Delivered'::text, E'Order #{number} was delivered.'::text, E'Your order #{number} was delivered.'::text, E'[]'::text, E'["COMPLETED","RETURN_REQUESTED"]'::text),
        (E'COMPLETED'::text, E'Completed'::text, E'Completed'::text, E'The buyer completed order #{number}.'::text, E'Your order #{number} is complete.'::text, E'[]'::text, E'[]'::text),
        (E'RETURN_REQUESTED'::text, E'Return requested'::text, E'Return requested'::text, E'The buyer wants to return order #{number}.'::text, E'A return of your order #{number} was requested.'::text, E'["REFUNDED","COMPLETED"]'::text, E'[]'::text),
        (E'REFUNDED'::text, E'Refunded'::text, E'Refunded'::text, E'Order #{number} was refunded.'::text, E'Your order #{number} was refunded.'::text, E'[]'::text, E'[]'::text),
        (E'CANCELLED'::text, E'Cancelled'::text, E'Cancelled'::text, E'Order #{number} was cancelled.'::text, E'Your order #{number} was cancelled.'::text, E'[]'::text, E'[]'::text)),
plain AS MATERIALIZED (
    SELECT s.pending, e.*, o.number, left((SELECT row_to_json(members)::text FROM (SELECT o.id AS id, o.number AS number, o.status AS status, o.version AS version, o.seller_id AS seller_id, o.buyer_id AS buyer_id, o.buyer_name AS buyer_name, o.items AS items, o.total_minor AS total_minor, o.currency AS currency, o.tracking AS tracking, o.created_at AS created_at, o.updated_at AS updated_at) AS members), -1) AS head, (SELECT row_to_json(members)::text FROM (
        SELECT e.id, e.type, e.version, e.from_status, e.to_status,
               (SELECT row_to_json(person) FROM (SELECT e.actor_role AS role, e.actor_id AS id) AS person) AS actor,
               e.reason, e.at) AS members) AS event,
           o.status AS current_status, o.version AS current_version
    FROM completed s
    CROSS JOIN LATERAL (SELECT * FROM (SELECT s.*, r.reason FROM order_events s LEFT JOIN LATERAL (
        SELECT reason FROM order_reasons WHERE event_id = s.id OFFSET 0) AS r ON true) AS one WHERE one.id = s.event_id OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = e.order_id OFFSET 0) AS o
    WHERE s.event_type = 'order'),
order_changes AS MATERIALIZED (
    SELECT p.*, (p.head || ',"allowed_transitions":' || coalesce(now.seller_allowed, '[]') || '}') AS seller_order,
           (p.head || ',"allowed_transitions":' || coalesce(now.buyer_allowed, '[]') || '}') AS buyer_order,
           coalesce(was.seller_label, p.to_status) AS seller_label,
           coalesce(was.buyer_label, p.to_status) AS buyer_label, was.seller_notice, was.buyer_notice
    FROM plain p LEFT JOIN labels now ON now.status = p.current_status
    LEFT JOIN labels was ON was.status = p.to_status),
generic_notices AS (
    INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
    SELECT c.id, c.order_id, 'generic', side.role, CASE side.role WHEN 'seller' THEN c.seller_id ELSE c.buyer_id END,
           'Order #' || c.number, CASE side.role WHEN 'seller' THEN c.seller_label ELSE c.buyer_label END
    FROM order_changes c CROSS JOIN (VALUES ('seller'), ('buyer')) AS side (role)
    WHERE (pending & 4) <> 0
    ON CONFLICT DO NOTHING RETURNING *),
status_notices AS (
    INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
    SELECT c.id, c.order_id, 'status', side.role, CASE side.role WHEN 'seller' THEN c.seller_id ELSE c.buyer_id END,
           replace(side.notice, '{number}', c.number), coalesce(c.reason, '')
    FROM order_changes c
    CROSS JOIN LATERAL (VALUES ('seller', c.seller_notice), ('buyer', c.buyer_notice)) AS side (role, notice)
    WHERE (pending & 8) <> 0 AND side.role <> c.actor_role AND side.notice IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING *),
system_messages AS (
    INSERT INTO messages (kind, order_id, event_id, seller_id, buyer_id, body, buyer_body)
    SELECT 'system', c.order_id, c.id, c.seller_id, c.buyer_id, 'Status changed to ' || c.seller_label, c.buyer_label
    FROM order_changes c WHERE (pending & 32) <> 0
    ON CONFLICT DO NOTHING RETURNING *),
email_status_rows AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id)
    SELECT 'email.status', 'mail-server', 'order', id, order_id, request_id
    FROM order_changes WHERE (pending & 128) <> 0 AND (to_status IN (E'CONFIRMED'::text, E'PREPARING'::text, E'READY'::text, E'SHIPPED'::text, E'DELIVERED'::text, E'COMPLETED'::text, E'RETURN_REQUESTED'::text, E'REFUNDED'::text, E'CANCELLED'::text)) ORDER BY id
    ON CONFLICT DO NOTHING),
timers_set AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, scheduled_at)
    SELECT 'order.timed_transition', 'clock', 'timer', id, order_id, request_id, at + CASE to_status WHEN E'DELIVERED'::text THEN interval '604800 s' END
    FROM order_changes WHERE (pending & 256) <> 0 AND to_status IN (E'DELIVERED'::text) AND version = current_version ORDER BY id
    ON CONFLICT DO NOTHING),
timers_dropped AS (
    UPDATE side_effects SET status = 'discarded', finished_at = clock_timestamp(), last_error = 'the order moved on'
    WHERE status || '' = 'pending' AND id = ANY(ARRAY(
        SELECT t.id FROM order_changes c CROSS JOIN LATERAL (
            SELECT id FROM side_effects WHERE order_id = c.order_id AND kind = 'order.timed_transition' AND destination =
            'clock'
                AND event_id < c.id AND status IN ('pending', 'running') OFFSET 0) AS t
        WHERE (pending & 256) <> 0 AND c.from_status IN (E'DELIVERED'::text)))
    RETURNING id),
said AS MATERIALIZED (
    SELECT s.pending, m.* FROM completed s
    CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = s.event_id OFFSET 0) AS m WHERE s.event_type =
        'message'),
frames AS (SELECT event_id, order_id, 0 AS position, channel, type, data
        FROM (
    SELECT id AS event_id, order_id, 'seller:' || seller_id AS channel, type,
           '{"at":' || to_json(at) || ',"type":"' || type || '","order":' || seller_order
           || ',"event":' || event || '}' AS data
    FROM order_changes WHERE (pending & 1) <> 0) AS f0
  UNION ALL SELECT event_id, order_id, 1 AS position, channel, type, data
        FROM (
    SELECT id AS event_id, order_id, 'buyer:' || buyer_id AS channel, type,
           '{"at":' || to_json(at) || ',"type":"' || type || '","order":' || buyer_order
           || ',"event":' || event || '}' AS data
    FROM order_changes WHERE (pending & 2) <> 0) AS f1
  UNION ALL SELECT event_id, order_id, 2 AS position, channel, type, data
        FROM (
    SELECT event_id, n.order_id,
           recipient_role || ':' || recipient_id AS channel, 'notification.created' AS type,
           '{"at":' || to_json(created_at) || ',"type":"notification.created","notification":'
           || (SELECT row_to_json(members)::text FROM (SELECT n.id, n.order_id, n.event_id, n.kind, n.title, n.body, n.created_at, n.read_at) AS members)
           || '}' AS data
    FROM generic_notices n) AS f2
  UNION ALL SELECT event_id, order_id, 3 AS position, channel, type, data
        FROM (
    SELECT event_id, n.order_id,
           recipient_role || ':' || recipient_id AS channel, 'notification.created' AS type,
           '{"at":' || to_json(created_at) || ',"type":"notification.created","notification":'
           || (SELECT row_to_json(members)::text FROM (SELECT n.id, n.order_id, n.event_id, n.kind, n.title, n.body, n.created_at, n.read_at) AS members)
           || '}' AS data
    FROM status_notices n) AS f3
  UNION ALL SELECT event_id, order_id, 5 AS position, channel, type, data
        FROM (
    SELECT coalesce(m.event_id, m.id) AS event_id, m.order_id,
           side.role || ':' || side.id AS channel, 'message.created' AS type,
           '{"at":' || to_json(m.created_at) || ',"type":"message.created","message":'
           || (SELECT row_to_json(members)::text FROM (
        SELECT m.id, m.order_id, m.kind,
               CASE side.role WHEN 'buyer' THEN coalesce(m.buyer_body, m.body) ELSE m.body END AS body,
               CASE WHEN m.author_role IS NOT NULL
                    THEN (SELECT row_to_json(a) FROM (SELECT m.author_role AS role, m.author_id AS id) AS a)
               END AS author,
               m.created_at) AS members) || '}' AS data
    FROM system_messages m CROSS JOIN LATERAL (VALUES ('seller', m.seller_id), ('buyer', m.buyer_id)) AS side (role, id)
    WHERE true) AS f5
  UNION ALL SELECT event_id, order_id, 6 AS position, channel, type, data
        FROM (
    SELECT coalesce(m.event_id, m.id) AS event_id, m.order_id,
           side.role || ':' || side.id AS channel, 'message.created' AS type,
           '{"at":' || to_json(m.created_at) || ',"type":"message.created","message":'
           || (SELECT row_to_json(members)::text FROM (
        SELECT m.id, m.order_id, m.kind,
               CASE side.role WHEN 'buyer' THEN coalesce(m.buyer_body, m.body) ELSE m.body END AS body,
               CASE WHEN m.author_role IS NOT NULL
                    THEN (SELECT row_to_json(a) FROM (SELECT m.author_role AS role, m.author_id AS id) AS a)
               END AS author,
               m.created_at) AS members) || '}' AS data
    FROM said m CROSS JOIN LATERAL (VALUES ('seller', m.seller_id), ('buyer', m.buyer_id)) AS side (role, id)
    WHERE (pending & 64) <> 0) AS f6),
appended AS (
    INSERT INTO realtime_events (seq, channel, type, data, order_id)
    SELECT nextval('realtime_seq'), channel, type, data, order_id
    FROM (SELECT channel, type, data, order_id FROM frames ORDER BY event_id, position, channel) AS in_order
    RETURNING seq, channel, type, data),
notified AS MATERIALIZED (
    SELECT pg_notify('onward_log', max(seq)::text) FROM appended HAVING count(*) > 0)
SELECT seq, channel, type, data FROM appended LEFT JOIN notified ON true ORDER BY seq
