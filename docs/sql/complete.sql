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
    SELECT id, event_type, event_id, pending FROM outbox WHERE pending & 262127 <> 0 AND id = ANY(ARRAY(
        (SELECT unnest($2) UNION
        SELECT earlier.id FROM mine CROSS JOIN LATERAL (
            SELECT id FROM outbox WHERE order_id = mine.order_id AND event_type = mine.event_type AND id + 0 <
            mine.last AND owner + 0 <> -1 OFFSET 0
        ) AS earlier)
        EXCEPT SELECT unnest($1)))
    ORDER BY id FOR UPDATE),
kept AS (
    UPDATE outbox SET pending = pending & ~262127 WHERE id = ANY(ARRAY(SELECT id FROM waiting))),
completed AS MATERIALIZED (
    SELECT id, event_type, event_id, pending & 262127 AS pending FROM gone
    UNION ALL SELECT id, event_type, event_id, pending & 262127 FROM waiting),
labels (status, seller_label, buyer_label, seller_notice, buyer_notice, seller_allowed, buyer_allowed) AS (VALUES
        (E'PENDING'::text, E'New'::text, E'Order placed'::text, E'New order #{number} is waiting for you.'::text, NULL::text, E'["CONFIRMED","CANCELLED"]'::text, E'["CANCELLED"]'::text),
        (E'CONFIRMED'::text, E'Confirmed'::text, E'Order confirmed'::text, E'Order #{number} was confirmed.'::text, E'Your order #{number} was confirmed.'::text, E'["PREPARING","CANCELLED"]'::text, E'["CANCELLED"]'::text),
        (E'PREPARING'::text, E'Preparing'::text, E'Being prepared'::text, E'Order #{number} is in preparation.'::text, E'Your order #{number} is being prepared.'::text, E'["READY","SHIPPED","CANCELLED"]'::text, E'[]'::text),
        (E'READY'::text, E'Ready'::text, E'Ready to go'::text, E'Order #{number} is ready.'::text, E'Your order #{number} is packed and ready.'::text, E'["SHIPPED","DELIVERED","CANCELLED"]'::text, E'[]'::text),
        (E'SHIPPED'::text, E'Shipped'::text, E'On its way'::text, E'Order #{number} was shipped.'::text, E'Your order #{number} is on its way.'::text, E'["DELIVERED","LOST","RETURNED"]'::text, E'[]'::text),
        (E'DELIVERED'::text, E'Delivered'::text, E'Delivered'::text, E'Order #{number} was delivered.'::text, E'Your order #{number} was delivered.'::text, E'[]'::text, E'["COMPLETED","RETURN_REQUESTED"]'::text),
        (E'COMPLETED'::text, E'Completed'::text, E'Completed'::text, E'The buyer completed order #{number}.'::text, E'Your order #{number} is complete.'::text, E'[]'::text, E'[]'::text),
        (E'RETURN_REQUESTED'::text, E'Return requested'::text, E'Return requested'::text, E'The buyer wants to return order #{number}.'::text, E'A return of your order #{number} was requested.'::text, E'["REFUNDED","COMPLETED","RETURNED"]'::text, E'[]'::text),
        (E'LOST'::text, E'Lost'::text, E'Lost on the way'::text, E'The parcel of order #{number} was lost.'::text, E'The parcel of your order #{number} was lost.'::text, E'["PREPARING","DELIVERED","REFUNDED"]'::text, E'[]'::text),
        (E'RETURNED'::text, E'Returned'::text, E'Returned to the shop'::text, E'The parcel of order #{number} came back.'::text, E'The parcel of your order #{number} came back to the shop.'::text, E'["PREPARING","REFUNDED"]'::text, E'[]'::text),
        (E'DISPUTED'::text, E'Disputed'::text, E'Disputed'::text, E'Order #{number} is disputed.'::text, E'Your order #{number} is disputed.'::text, E'[]'::text, E'[]'::text),
        (E'REFUNDED'::text, E'Refunded'::text, E'Refunded'::text, E'Order #{number} was refunded.'::text, E'Your order #{number} was refunded.'::text, E'[]'::text, E'[]'::text),
        (E'CANCELLED'::text, E'Cancelled'::text, E'Cancelled'::text, E'Order #{number} was cancelled.'::text, E'Your order #{number} was cancelled.'::text, E'["REFUNDED"]'::text, E'[]'::text)),
plain AS MATERIALIZED (
    SELECT s.pending, e.*, ltrim(o.number, '#') AS number, (left((SELECT row_to_json(members)::text FROM (SELECT o.id AS id, o.number AS number, o.status AS status, o.version AS version, o.seller_id AS seller_id, o.buyer_id AS buyer_id, o.buyer_name AS buyer_name, o.items AS items, o.total_minor AS total_minor, o.currency AS currency, o.tracking AS tracking, o.created_at AS created_at, o.updated_at AS updated_at) AS members), -1)
        || coalesce(',"external_id":' || to_json(o.external_id)::text, '') || coalesce(',"parcels":' || coalesce(o.parcels::text, '[{"id":"1",' || substr(o.tracking::text, 2) || ']'), '')) AS head,
           (left((SELECT row_to_json(members)::text FROM (
        SELECT e.id, e.type, e.version, e.from_status, e.to_status, e.reason,
               e.notify, e.changed, e.at) AS members), -1)
        || coalesce(',"undo_until":' || (e.held -> 'until')::text, '') || coalesce(',"undoes":' || e.undoes::text, '')) AS event,
           CASE 'seller' WHEN '' THEN '' ELSE
        coalesce(',"buyer_email":' || to_json(CASE 'seller' WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' THEN nullif(o.buyer_email, '')
        ELSE left(o.buyer_email, 1) || '…' || nullif(substr(o.buyer_email, strpos(o.buyer_email, '@')), '') END ELSE nullif(o.buyer_email, '') END)::text, '') || coalesce(',"delivery":' || (CASE 'seller' WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' OR o.delivery ->> 'phone' IS NULL THEN o.delivery
        ELSE o.delivery || jsonb_build_object('phone', '…' || right(o.delivery ->> 'phone', 2)) END ELSE o.delivery END)::text, '')
        || CASE 'seller' WHEN 'buyer' THEN '' ELSE coalesce(',"due_at":' || to_json(o.due_at)::text || ',"late":' || (o.open AND o.due_at < clock_timestamp())::text, '') || coalesce(',"note":' || to_json(o.note)::text, '') || coalesce(',"metadata":' || o.metadata::text, '') || coalesce(',"tags":' || to_json(o.tags)::text, '') END END AS seller_members,
           CASE 'buyer' WHEN '' THEN '' ELSE
        coalesce(',"buyer_email":' || to_json(CASE 'buyer' WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' THEN nullif(o.buyer_email, '')
        ELSE left(o.buyer_email, 1) || '…' || nullif(substr(o.buyer_email, strpos(o.buyer_email, '@')), '') END ELSE nullif(o.buyer_email, '') END)::text, '') || coalesce(',"delivery":' || (CASE 'buyer' WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' OR o.delivery ->> 'phone' IS NULL THEN o.delivery
        ELSE o.delivery || jsonb_build_object('phone', '…' || right(o.delivery ->> 'phone', 2)) END ELSE o.delivery END)::text, '')
        || CASE 'buyer' WHEN 'buyer' THEN '' ELSE coalesce(',"due_at":' || to_json(o.due_at)::text || ',"late":' || (o.open AND o.due_at < clock_timestamp())::text, '') || coalesce(',"note":' || to_json(o.note)::text, '') || coalesce(',"metadata":' || o.metadata::text, '') || coalesce(',"tags":' || to_json(o.tags)::text, '') END END AS buyer_members,
           CASE split_part(coalesce(e.actor_via, ''), ':', 1)
                WHEN 'person' THEN ',"person":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, p.name, (p.disabled_at IS NULL AND p.role = e.actor_role AND p.principal_id = e.actor_id) IS NOT TRUE AS former
                    FROM (SELECT split_part(e.actor_via, ':', 2)::bigint AS id OFFSET 0) AS one LEFT JOIN people p ON p.id = one.id) AS known)
                WHEN 'key' THEN ',"api_key":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, k.name
                    FROM (SELECT split_part(e.actor_via, ':', 2)::bigint AS id OFFSET 0) AS one LEFT JOIN api_keys k ON k.id = one.id) AS known)
                WHEN 'link' THEN ',"link":' || 'true' WHEN 'demo' THEN ',"demo":' || 'true' ELSE '' END AS acting, o.status AS current_status, o.version AS current_version
    FROM completed s
    CROSS JOIN LATERAL (SELECT * FROM (SELECT s.*, r.reason FROM order_events s LEFT JOIN LATERAL (
        SELECT reason FROM order_reasons WHERE event_id = s.id OFFSET 0) AS r ON true) AS one WHERE one.id = s.event_id OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = e.order_id OFFSET 0) AS o
    WHERE s.event_type = 'order'),
labelled AS (
    SELECT p.*, coalesce(now.seller_allowed, '[]') AS seller_allowed,
           coalesce(now.buyer_allowed, '[]') AS buyer_allowed,
           coalesce(was.seller_label, p.to_status) AS seller_label,
           coalesce(was.buyer_label, p.to_status) AS buyer_label, was.seller_notice, was.buyer_notice
    FROM plain p LEFT JOIN labels now ON now.status = p.current_status
    LEFT JOIN labels was ON was.status = p.to_status),
order_changes AS MATERIALIZED (
    SELECT *, clock_timestamp() AS done_at, CASE WHEN (pending & 4) <> 0 AND actor_role <> 'buyer' AND notify AND CASE WHEN (SELECT EXISTS (SELECT FROM preferences WHERE inbox_off))
                THEN (SELECT coalesce(p.choices #>> ARRAY[CASE WHEN type IN (NULL) THEN type ELSE to_status END, 'inbox'], p.choices #>> ARRAY['*', 'inbox']) = 'off' FROM preferences p WHERE p.owner = 'buyer:' || buyer_id) IS NOT TRUE ELSE true END THEN nextval('notifications_id_seq') END AS generic_buyer, CASE WHEN (pending & 4) <> 0 AND actor_role <> 'seller' AND CASE WHEN (SELECT EXISTS (SELECT FROM preferences WHERE inbox_off))
                THEN (SELECT coalesce(p.choices #>> ARRAY[CASE WHEN type IN (E'order.created'::text) THEN type ELSE to_status END, 'inbox'], p.choices #>> ARRAY['*', 'inbox']) = 'off' FROM preferences p WHERE p.owner = 'seller:' || seller_id) IS NOT TRUE ELSE true END THEN nextval('notifications_id_seq') END AS generic_seller, CASE WHEN ((pending & 8) <> 0 AND actor_role <> 'buyer' AND notify AND buyer_notice IS NOT NULL) AND CASE WHEN (SELECT EXISTS (SELECT FROM preferences WHERE inbox_off))
                THEN (SELECT coalesce(p.choices #>> ARRAY[CASE WHEN type IN (NULL) THEN type ELSE to_status END, 'inbox'], p.choices #>> ARRAY['*', 'inbox']) = 'off' FROM preferences p WHERE p.owner = 'buyer:' || buyer_id) IS NOT TRUE ELSE true END THEN nextval('notifications_id_seq') END AS status_buyer, CASE WHEN ((pending & 8) <> 0 AND actor_role <> 'seller' AND changed IS NULL AND seller_notice IS NOT NULL) AND CASE WHEN (SELECT EXISTS (SELECT FROM preferences WHERE inbox_off))
                THEN (SELECT coalesce(p.choices #>> ARRAY[CASE WHEN type IN (E'order.created'::text) THEN type ELSE to_status END, 'inbox'], p.choices #>> ARRAY['*', 'inbox']) = 'off' FROM preferences p WHERE p.owner = 'seller:' || seller_id) IS NOT TRUE ELSE true END THEN nextval('notifications_id_seq') END AS status_seller, CASE WHEN (pending & 32) <> 0 THEN nextval('messages_id_seq') END AS message_id FROM labelled),
generic_notices AS (
    INSERT INTO notifications
        (id, event_id, order_id, kind, recipient_role, recipient_id, title, body, created_at)
    SELECT side.id, c.id, c.order_id, 'generic', side.role, side.person, 'Order #' || c.number, side.label, c.done_at
    FROM order_changes c CROSS JOIN LATERAL (VALUES
        (c.generic_seller, 'seller', c.seller_id, c.seller_label),
        (c.generic_buyer, 'buyer', c.buyer_id, c.buyer_label)) AS side (id, role, person, label)
    WHERE side.id IS NOT NULL),
status_notices AS (
    INSERT INTO notifications
        (id, event_id, order_id, kind, recipient_role, recipient_id, title, body, created_at)
    SELECT side.id, c.id, c.order_id, 'status', side.role, side.person, CASE type WHEN 'order.corrected' THEN 'Correction: ' ELSE '' END || replace(side.notice, '{number}', c.number),
           coalesce(c.reason, ''), c.done_at
    FROM order_changes c CROSS JOIN LATERAL (VALUES
        (c.status_seller, 'seller', c.seller_id, c.seller_notice),
        (c.status_buyer, 'buyer', c.buyer_id, c.buyer_notice)) AS side (id, role, person, notice)
    WHERE side.id IS NOT NULL),
system_messages AS (
    INSERT INTO messages (id, kind, order_id, event_id, seller_id, buyer_id, body, buyer_body, created_at)
    SELECT message_id, 'system', c.order_id, c.id, c.seller_id, c.buyer_id, CASE type WHEN 'order.corrected' THEN 'Corrected to ' ELSE 'Status changed to ' END || c.seller_label,
           c.buyer_label, c.done_at
    FROM order_changes c WHERE (pending & 32) <> 0),
email_status_rows AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id)
    SELECT 'email.status', 'mail-server', 'order', id, order_id, request_id
    FROM order_changes WHERE (pending & 128) <> 0 AND (to_status IN (E'CONFIRMED'::text, E'PREPARING'::text, E'READY'::text, E'SHIPPED'::text, E'DELIVERED'::text, E'COMPLETED'::text, E'RETURN_REQUESTED'::text, E'LOST'::text, E'RETURNED'::text, E'DISPUTED'::text, E'REFUNDED'::text, E'CANCELLED'::text)) ORDER BY id
    ON CONFLICT DO NOTHING),
email_new_order_rows AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id)
    SELECT 'email.new_order', 'mail-server', 'order', id, order_id, request_id
    FROM order_changes WHERE (pending & 8192) <> 0 AND (type = 'order.created' AND (SELECT p.id FROM people p WHERE p.role = 'seller' AND p.principal_id = seller_id
        AND p.disabled_at IS NULL AND p.created_at <= at LIMIT 1) IS NOT NULL) ORDER BY id
    ON CONFLICT DO NOTHING),
webhook_deliveries AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id)
    SELECT 'webhook.delivery', 'webhook:' || asked.id, 'order', c.id, c.order_id, c.request_id
    FROM order_changes c CROSS JOIN LATERAL (
        SELECT w.id FROM webhook_endpoints w WHERE w.seller_id = ANY(ARRAY[0, c.seller_id])
            AND w.event_types && ARRAY[c.type, split_part(c.type, '.', 1) || '.*', '*'] AND (w.statuses IS NULL OR c.to_status = ANY(w.statuses)) OFFSET 0) AS asked
    WHERE (pending & 512) <> 0 ORDER BY c.id, asked.id
    ON CONFLICT DO NOTHING),
timers_set AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, scheduled_at)
    SELECT 'order.timed_transition', 'clock', 'timer', id, order_id, request_id, CASE order_changes.to_status WHEN E'DELIVERED'::text THEN CASE WHEN order_changes.undoes IS NULL THEN order_changes.at ELSE (SELECT f.at FROM order_events f WHERE f.order_id = order_changes.order_id
            AND f.to_status = order_changes.to_status AND f.version < order_changes.version AND f.type IN ('order.created', 'order.status_changed', 'order.corrected')
            AND f.undoes IS NULL ORDER BY f.version DESC LIMIT 1) END + interval '604800 s' END
    FROM order_changes WHERE (pending & 256) <> 0 AND to_status IN (E'DELIVERED'::text) AND (version = current_version OR NOT EXISTS (SELECT FROM order_events n
            WHERE n.order_id = order_changes.order_id AND n.version > order_changes.version AND n.type IN ('order.created', 'order.status_changed', 'order.corrected'))) ORDER BY id
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
    SELECT *, CASE WHEN (pending & 2048) <> 0 AND to_seller AND CASE WHEN (SELECT EXISTS (SELECT FROM preferences WHERE inbox_off))
                THEN (SELECT coalesce(p.choices #>> ARRAY['message.created', 'inbox'], p.choices #>> ARRAY['*', 'inbox']) = 'off' FROM preferences p WHERE p.owner = 'seller:' || seller_id) IS NOT TRUE ELSE true END THEN nextval('notifications_id_seq') END AS notified_seller, CASE WHEN (pending & 2048) <> 0 AND to_buyer AND CASE WHEN (SELECT EXISTS (SELECT FROM preferences WHERE inbox_off))
                THEN (SELECT coalesce(p.choices #>> ARRAY['message.created', 'inbox'], p.choices #>> ARRAY['*', 'inbox']) = 'off' FROM preferences p WHERE p.owner = 'buyer:' || buyer_id) IS NOT TRUE ELSE true END THEN nextval('notifications_id_seq') END AS notified_buyer FROM (
        SELECT s.pending, m.*, CASE split_part(coalesce(m.author_via, ''), ':', 1)
                WHEN 'person' THEN ',"person":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, p.name, (p.disabled_at IS NULL AND p.role = m.author_role AND p.principal_id = m.author_id) IS NOT TRUE AS former
                    FROM (SELECT split_part(m.author_via, ':', 2)::bigint AS id OFFSET 0) AS one LEFT JOIN people p ON p.id = one.id) AS known)
                WHEN 'key' THEN ',"api_key":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, k.name
                    FROM (SELECT split_part(m.author_via, ':', 2)::bigint AS id OFFSET 0) AS one LEFT JOIN api_keys k ON k.id = one.id) AS known)
                WHEN 'link' THEN ',"link":' || 'true' WHEN 'demo' THEN ',"demo":' || 'true' ELSE '' END AS acting, (SELECT ltrim(number, '#') FROM orders WHERE id = order_id) AS number, '' AS request_id,
               clock_timestamp() AS done_at, author_role <> 'seller' AS to_seller, author_role <> 'buyer' AS to_buyer
        FROM completed s CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = s.event_id OFFSET 0) AS m
        WHERE s.event_type = 'message' OFFSET 0) AS of_people),
message_notices AS (
    INSERT INTO notifications
        (id, event_id, order_id, kind, recipient_role, recipient_id, title, body, created_at)
    SELECT side.id, c.id, c.order_id, 'message', side.role, side.person, 'Order #' || number || ' · new message', CASE WHEN length(body) > 200 THEN left(body, 199) || '…'
        ELSE body END, c.done_at
    FROM said c CROSS JOIN LATERAL (VALUES (c.notified_seller, 'seller', c.seller_id), (c.notified_buyer, 'buyer', c.buyer_id)) AS side (id, role, person)
    WHERE side.id IS NOT NULL),
webhook_deliveries_of_messages AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id)
    SELECT 'webhook.delivery', 'webhook:' || asked.id, 'message', c.id, c.order_id, c.request_id
    FROM said c CROSS JOIN LATERAL (
        SELECT w.id FROM webhook_endpoints w WHERE w.seller_id = ANY(ARRAY[0, c.seller_id])
            AND w.event_types && ARRAY['message.created'::text, split_part('message.created'::text, '.', 1) || '.*', '*']  OFFSET 0) AS asked
    WHERE (pending & 1024) <> 0 AND c.kind = 'person' ORDER BY c.id, asked.id
    ON CONFLICT DO NOTHING),
email_message_to_buyer_rows AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, scheduled_at)
    SELECT 'email.message_to_buyer', 'mail-server', 'message', id, order_id, request_id, clock_timestamp() + interval '600 s'
    FROM said WHERE (pending & 4096) <> 0 AND to_buyer ORDER BY id
    ON CONFLICT DO NOTHING),
email_message_to_seller_rows AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, scheduled_at)
    SELECT 'email.message_to_seller', 'mail-server', 'message', id, order_id, request_id, clock_timestamp() + interval '600 s'
    FROM said WHERE (pending & 16384) <> 0 AND to_seller AND (SELECT p.id FROM people p WHERE p.role = 'seller' AND p.principal_id = seller_id
        AND p.disabled_at IS NULL AND p.created_at <= created_at LIMIT 1) IS NOT NULL ORDER BY id
    ON CONFLICT DO NOTHING),
noted AS MATERIALIZED (
    SELECT *, CASE WHEN (pending & 65536) <> 0 AND to_seller AND CASE WHEN (SELECT EXISTS (SELECT FROM preferences WHERE inbox_off))
                THEN (SELECT coalesce(p.choices #>> ARRAY['message.created', 'inbox'], p.choices #>> ARRAY['*', 'inbox']) = 'off' FROM preferences p WHERE p.owner = 'seller:' || seller_id) IS NOT TRUE ELSE true END THEN nextval('notifications_id_seq') END AS notified_seller FROM (
        SELECT s.pending, n.*, CASE split_part(coalesce(n.author_via, ''), ':', 1)
                WHEN 'person' THEN ',"person":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, p.name, (p.disabled_at IS NULL AND p.role = n.author_role AND p.principal_id = n.author_id) IS NOT TRUE AS former
                    FROM (SELECT split_part(n.author_via, ':', 2)::bigint AS id OFFSET 0) AS one LEFT JOIN people p ON p.id = one.id) AS known)
                WHEN 'key' THEN ',"api_key":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, k.name
                    FROM (SELECT split_part(n.author_via, ':', 2)::bigint AS id OFFSET 0) AS one LEFT JOIN api_keys k ON k.id = one.id) AS known)
                WHEN 'link' THEN ',"link":' || 'true' WHEN 'demo' THEN ',"demo":' || 'true' ELSE '' END AS acting, (SELECT ltrim(number, '#') FROM orders WHERE id = order_id) AS number, clock_timestamp() AS done_at,
               author_role <> 'seller' AS to_seller
        FROM completed s CROSS JOIN LATERAL (SELECT * FROM internal_notes n WHERE id = s.event_id OFFSET 0) AS n
        WHERE s.event_type = 'note' OFFSET 0) AS of_staff),
note_notices AS (
    INSERT INTO notifications
        (id, event_id, order_id, kind, recipient_role, recipient_id, title, body, created_at)
    SELECT side.id, c.id, c.order_id, 'note', side.role, side.person, 'Order #' || number || ' · internal note', CASE WHEN length(body) > 200 THEN left(body, 199) || '…'
        ELSE body END, c.done_at
    FROM noted c CROSS JOIN LATERAL (VALUES (c.notified_seller, 'seller', c.seller_id)) AS side (id, role, person)
    WHERE side.id IS NOT NULL),
marks_moved AS MATERIALIZED (
    SELECT s.pending, k.*, CASE split_part(coalesce(k.reader_via, ''), ':', 1)
                WHEN 'person' THEN ',"person":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, p.name, (p.disabled_at IS NULL AND p.role = k.reader_role AND p.principal_id = k.reader_id) IS NOT TRUE AS former
                    FROM (SELECT split_part(k.reader_via, ':', 2)::bigint AS id OFFSET 0) AS one LEFT JOIN people p ON p.id = one.id) AS known)
                WHEN 'key' THEN ',"api_key":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, k.name
                    FROM (SELECT split_part(k.reader_via, ':', 2)::bigint AS id OFFSET 0) AS one LEFT JOIN api_keys k ON k.id = one.id) AS known)
                WHEN 'link' THEN ',"link":' || 'true' WHEN 'demo' THEN ',"demo":' || 'true' ELSE '' END AS acting FROM completed s
    CROSS JOIN LATERAL (SELECT * FROM message_marks WHERE id = s.event_id OFFSET 0) AS k
    WHERE s.event_type = 'message.seen'),
packs AS (SELECT id AS sort, 'seller:' || seller_id AS channel, 'buyer:' || buyer_id AS other,
           concat_ws(';', CASE WHEN live_0 THEN type || ' 0 0.1.2.3.4' END,
               CASE WHEN live_1 THEN type || ' 1 0.5.2.6.4' END,
               CASE WHEN live_2 THEN 'notification.created' || ' 1 7.8.9.10.11' END,
               CASE WHEN live_3 THEN 'notification.created' || ' 0 7.12.9.13.11' END,
               CASE WHEN live_4 THEN 'notification.created' || ' 1 7.14.15.16.11' END,
               CASE WHEN live_5 THEN 'notification.created' || ' 0 7.17.18.16.11' END,
               CASE WHEN live_6 THEN 'message.created' || ' 1 19.10.20.21' END,
               CASE WHEN live_7 THEN 'message.created' || ' 0 19.22.20.21' END) AS recipe,
           CASE WHEN live_0 OR live_1 THEN '{"at":' || to_json(at) || ',"type":"' || type || '","order":' || head ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN seller_members || ',"allowed_transitions":' || seller_allowed ELSE '' END
               || chr(30) || CASE WHEN live_0 OR live_1 THEN '},"event":' || event || ',"actor":' ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN ('{"role":"' || actor_role || '","id":' || actor_id || CASE WHEN actor_role = 'seller' THEN acting ELSE '' END || '}') ELSE '' END
               || chr(30) || CASE WHEN live_0 OR live_1 THEN '}}' ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN buyer_members || ',"allowed_transitions":' || buyer_allowed ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN ('{"role":"' || actor_role || '","id":' || actor_id || CASE WHEN actor_role = 'buyer' THEN acting ELSE '' END || '}') ELSE '' END
               || chr(30) || CASE WHEN live_2 OR live_3 OR live_4 OR live_5 THEN '{"at":' || to_json(done_at) || ',"type":"notification.created","notification":{"id":' ELSE '' END
               || chr(30) || CASE WHEN live_2 THEN generic_buyer::text ELSE '' END
               || chr(30) || CASE WHEN live_2 OR live_3 THEN ',"order_id":' || order_id || ',"event_id":' || id || ',"kind":"generic","title":' || to_json('Order #' || number)
               || ',"body":' ELSE '' END
               || chr(30) || CASE WHEN live_2 OR live_6 THEN to_json(buyer_label)::text ELSE '' END
               || chr(30) || CASE WHEN live_2 OR live_3 OR live_4 OR live_5 THEN ',"created_at":' || to_json(done_at) || ',"read_at":null}}' ELSE '' END
               || chr(30) || CASE WHEN live_3 THEN generic_seller::text ELSE '' END
               || chr(30) || CASE WHEN live_3 THEN to_json(seller_label)::text ELSE '' END
               || chr(30) || CASE WHEN live_4 THEN status_buyer::text ELSE '' END
               || chr(30) || CASE WHEN live_4 THEN ',"order_id":' || order_id || ',"event_id":' || id || ',"kind":"status","title":' || to_json(CASE type WHEN 'order.corrected' THEN 'Correction: ' ELSE '' END || replace(buyer_notice, '{number}', number))
               || ',"body":' ELSE '' END
               || chr(30) || CASE WHEN live_4 OR live_5 THEN to_json(coalesce(reason, ''))::text ELSE '' END
               || chr(30) || CASE WHEN live_5 THEN status_seller::text ELSE '' END
               || chr(30) || CASE WHEN live_5 THEN ',"order_id":' || order_id || ',"event_id":' || id || ',"kind":"status","title":' || to_json(CASE type WHEN 'order.corrected' THEN 'Correction: ' ELSE '' END || replace(seller_notice, '{number}', number))
               || ',"body":' ELSE '' END
               || chr(30) || CASE WHEN live_6 OR live_7 THEN '{"at":' || to_json(done_at) || ',"type":"message.created","message":{"id":'
               || message_id || ',"order_id":' || order_id || ',"event_id":' || id
               || ',"kind":"' || 'system' || '","body":' ELSE '' END
               || chr(30) || CASE WHEN live_6 OR live_7 THEN ',"author":' || 'null' || ',"client_message_id":' || 'null' ELSE '' END
               || chr(30) || CASE WHEN live_6 OR live_7 THEN ',"created_at":' || to_json(done_at) || '}}' ELSE '' END
               || chr(30) || CASE WHEN live_7 THEN to_json(CASE type WHEN 'order.corrected' THEN 'Corrected to ' ELSE 'Status changed to ' END || seller_label)::text ELSE '' END AS pieces,
           live_0::int + live_1::int + live_2::int + live_3::int + live_4::int + live_5::int + live_6::int + live_7::int AS events,
           id AS event_id
    FROM (SELECT *, (pending & 1) <> 0 AS live_0, (pending & 2) <> 0 AS live_1, generic_buyer IS NOT NULL AS live_2, generic_seller IS NOT NULL AS live_3, status_buyer IS NOT NULL AS live_4, status_seller IS NOT NULL AS live_5, (pending & 32) <> 0 AS live_6, (pending & 32) <> 0 AS live_7 FROM order_changes OFFSET 0) AS c
    WHERE live_0 OR live_1 OR live_2 OR live_3 OR live_4 OR live_5 OR live_6 OR live_7
  UNION ALL SELECT id AS sort, 'seller:' || seller_id AS channel, 'buyer:' || buyer_id AS other,
           concat_ws(';', CASE WHEN live_0 THEN 'message.created' || ' 0 0.1.2.3' END,
               CASE WHEN live_1 THEN 'message.created' || ' 1 0.4.5.3' END,
               CASE WHEN live_2 THEN 'notification.created' || ' 0 6.7.8.9.10' END,
               CASE WHEN live_3 THEN 'notification.created' || ' 1 6.11.8.9.10' END) AS recipe,
           CASE WHEN live_0 OR live_1 THEN '{"at":' || to_json(created_at) || ',"type":"message.created","message":{"id":'
               || id || ',"order_id":' || order_id || ',"event_id":' || 'null'
               || ',"kind":"' || kind || '","body":' ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN to_json(body)::text ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN ',"author":' || ('{"role":"' || author_role || '","id":' || author_id || CASE WHEN author_role = 'seller' THEN acting ELSE '' END || '}') || ',"client_message_id":' || coalesce(CASE WHEN author_role = 'seller' THEN to_json(client_message_id)::text END, 'null') ELSE '' END
               || chr(30) || CASE WHEN live_0 OR live_1 THEN ',"created_at":' || to_json(created_at) || '}}' ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN to_json(coalesce(buyer_body, body))::text ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN ',"author":' || ('{"role":"' || author_role || '","id":' || author_id || CASE WHEN author_role = 'buyer' THEN acting ELSE '' END || '}') || ',"client_message_id":' || coalesce(CASE WHEN author_role = 'buyer' THEN to_json(client_message_id)::text END, 'null') ELSE '' END
               || chr(30) || CASE WHEN live_2 OR live_3 THEN '{"at":' || to_json(done_at) || ',"type":"notification.created","notification":{"id":' ELSE '' END
               || chr(30) || CASE WHEN live_2 THEN notified_seller::text ELSE '' END
               || chr(30) || CASE WHEN live_2 OR live_3 THEN ',"order_id":' || order_id || ',"event_id":' || id || ',"kind":"message","title":' || to_json('Order #' || number || ' · new message')
               || ',"body":' ELSE '' END
               || chr(30) || CASE WHEN live_2 OR live_3 THEN to_json(CASE WHEN length(body) > 200 THEN left(body, 199) || '…'
        ELSE body END)::text ELSE '' END
               || chr(30) || CASE WHEN live_2 OR live_3 THEN ',"created_at":' || to_json(done_at) || ',"read_at":null}}' ELSE '' END
               || chr(30) || CASE WHEN live_3 THEN notified_buyer::text ELSE '' END AS pieces,
           live_0::int + live_1::int + live_2::int + live_3::int AS events,
           NULL::bigint AS event_id
    FROM (SELECT *, (pending & 64) <> 0 AS live_0, (pending & 64) <> 0 AS live_1, notified_seller IS NOT NULL AS live_2, notified_buyer IS NOT NULL AS live_3 FROM said OFFSET 0) AS c
    WHERE live_0 OR live_1 OR live_2 OR live_3
  UNION ALL SELECT id AS sort, 'seller:' || seller_id AS channel, NULL::text AS other,
           concat_ws(';', CASE WHEN live_0 THEN 'message.created' || ' 0 0.1.2.3' END,
               CASE WHEN live_1 THEN 'notification.created' || ' 0 4.5.6.7.8' END) AS recipe,
           CASE WHEN live_0 THEN '{"at":' || to_json(created_at) || ',"type":"message.created","message":{"id":'
               || id || ',"order_id":' || order_id || ',"event_id":' || 'null'
               || ',"kind":"' || 'note' || '","body":' ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN to_json(body)::text ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN ',"author":' || ('{"role":"' || author_role || '","id":' || author_id || CASE WHEN author_role = 'seller' THEN acting ELSE '' END || '}') || ',"client_message_id":' || coalesce(CASE WHEN author_role = 'seller' THEN to_json(client_message_id)::text END, 'null') ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN ',"created_at":' || to_json(created_at) || '}}' ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN '{"at":' || to_json(done_at) || ',"type":"notification.created","notification":{"id":' ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN notified_seller::text ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN ',"order_id":' || order_id || ',"event_id":' || id || ',"kind":"note","title":' || to_json('Order #' || number || ' · internal note')
               || ',"body":' ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN to_json(CASE WHEN length(body) > 200 THEN left(body, 199) || '…'
        ELSE body END)::text ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN ',"created_at":' || to_json(done_at) || ',"read_at":null}}' ELSE '' END AS pieces,
           live_0::int + live_1::int AS events,
           -id AS event_id
    FROM (SELECT *, (pending & 32768) <> 0 AS live_0, notified_seller IS NOT NULL AS live_1 FROM noted OFFSET 0) AS c
    WHERE live_0 OR live_1
  UNION ALL SELECT id AS sort, 'seller:' || seller_id AS channel, 'buyer:' || buyer_id AS other,
           concat_ws(';', CASE WHEN live_0 THEN 'message.seen' || ' 0 0.1.2' END,
               CASE WHEN live_1 THEN 'message.seen' || ' 1 0.3.2' END) AS recipe,
           CASE WHEN live_0 OR live_1 THEN '{"at":' || to_json(at) || ',"type":"message.seen","seen":{"order_id":' || order_id || ',"reader":' ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN ('{"role":"' || reader_role || '","id":' || reader_id || CASE WHEN reader_role = 'seller' THEN acting ELSE '' END || '}') ELSE '' END
               || chr(30) || CASE WHEN live_0 OR live_1 THEN ',"up_to":' || up_to || ',"at":' || to_json(at) || '}}' ELSE '' END
               || chr(30) || CASE WHEN live_1 THEN ('{"role":"' || reader_role || '","id":' || reader_id || CASE WHEN reader_role = 'buyer' THEN acting ELSE '' END || '}') ELSE '' END AS pieces,
           live_0::int + live_1::int AS events,
           NULL::bigint AS event_id
    FROM (SELECT *, (pending & 131072) <> 0 AS live_0, (pending & 131072) <> 0 AS live_1 FROM marks_moved OFFSET 0) AS c
    WHERE live_0 OR live_1),
appended AS (
    INSERT INTO realtime_packs (seq, channel, other, recipe, pieces, event_id)
    SELECT (SELECT max(nextval('realtime_seq')) FROM generate_series(1, events)), channel, other, recipe, pieces, event_id
    FROM (SELECT * FROM packs ORDER BY sort) AS in_order
    RETURNING seq, channel, other, recipe, pieces),
notified AS MATERIALIZED (
    SELECT pg_notify('onward_log', max(seq)::text) FROM appended HAVING count(*) > 0)
SELECT seq, channel, other, recipe, pieces FROM appended LEFT JOIN notified ON true ORDER BY seq
