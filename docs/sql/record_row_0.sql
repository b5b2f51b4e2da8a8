-- record_row_0
-- The second and later attempts of realtime.seller, from a row of its own. Takes $1 bigint[], $2 bigint[].
-- Composed in outbox/completion.py.

SELECT pg_advisory_xact_lock(9002), set_config('lock_timeout', '250ms', true), set_config('statement_timeout', '400ms', true);
WITH completed AS MATERIALIZED (
    UPDATE side_effects SET status = 'succeeded', owner = 0, claimed_until = NULL, finished_at = clock_timestamp()
    WHERE id = $1[1] AND attempts = $2[1] AND status || '' = 'running'
    RETURNING id, event_type, event_id, 1 AS pending),
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
packs AS (SELECT id AS sort, 'seller:' || seller_id AS channel, NULL::text AS other,
           concat_ws(';', CASE WHEN live_0 THEN type || ' 0 0.1.2.3.4' END) AS recipe,
           CASE WHEN live_0 THEN '{"at":' || to_json(at) || ',"type":"' || type || '","order":' || head ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN seller_members || ',"allowed_transitions":' || seller_allowed ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN '},"event":' || event || ',"actor":' ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN ('{"role":"' || actor_role || '","id":' || actor_id || CASE WHEN actor_role = 'seller' THEN acting ELSE '' END || '}') ELSE '' END
               || chr(30) || CASE WHEN live_0 THEN '}}' ELSE '' END AS pieces,
           live_0::int AS events,
           id AS event_id
    FROM (SELECT *, (pending & 1) <> 0 AS live_0 FROM order_changes OFFSET 0) AS c
    WHERE live_0),
appended AS (
    INSERT INTO realtime_packs (seq, channel, other, recipe, pieces, event_id)
    SELECT (SELECT max(nextval('realtime_seq')) FROM generate_series(1, events)), channel, other, recipe, pieces, event_id
    FROM (SELECT * FROM packs ORDER BY sort) AS in_order
    RETURNING seq, channel, other, recipe, pieces),
notified AS MATERIALIZED (
    SELECT pg_notify('onward_log', max(seq)::text) FROM appended HAVING count(*) > 0)
SELECT seq, channel, other, recipe, pieces FROM appended LEFT JOIN notified ON true ORDER BY seq
