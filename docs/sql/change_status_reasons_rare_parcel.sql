-- change_status_reasons_rare_parcel
-- A batch of status changes; docs/decisions/0001-one-statement.md says why it is one statement. This one is for a batch with reasons, and with corrections and what is silent or held, and with parcels. Takes $1 json, $2 bigint.
-- Composed in orders/change_sql.py.

WITH moved AS (
        UPDATE orders o SET prev_status = o.status, status = w.status, version = o.version + 1, open = w.open,
               closed_as = CASE WHEN NOT w.open THEN w.status END,
               tracking = coalesce(w.tracking, o.tracking),
               parcels = CASE WHEN w.tracking IS NULL THEN o.parcels END,
               due_at = CASE WHEN o.due_fixed AND w.done IS NULL THEN o.due_at
                             ELSE clock_timestamp() + make_interval(secs => w.due) END,
               due_fixed = CASE WHEN w.done IS NULL THEN o.due_fixed END, updated_at = clock_timestamp()
        FROM json_to_recordset($1) AS w (place int, order_id bigint, status text, sources text[], seller_id bigint,
             buyer_id bigint, version int, open boolean, tracking json, actor_role text, actor_id bigint,
             actor_via text, reason text, key text, keyed boolean, request_id text, due int, done boolean, corrects json, silent boolean, hold int)
        WHERE o.id = w.order_id AND o.status = ANY(w.sources)
          AND (w.version IS NULL OR o.version = w.version)
          AND (w.seller_id::bigint IS NULL OR o.seller_id = w.seller_id) AND (w.buyer_id::bigint IS NULL OR o.buyer_id = w.buyer_id)
          AND (w.corrects -> o.status IS NULL OR (
               (SELECT seen.version FROM orders seen WHERE seen.id = o.id) = o.version
               AND (w.corrects ->> o.status IS NULL OR (
                    SELECT (l.actor_role, l.actor_id) = (w.actor_role, w.actor_id)
                        AND l.at > clock_timestamp() - make_interval(secs => (w.corrects ->> o.status)::float)
                    FROM order_events l WHERE l.order_id = o.id AND l.type IN ('order.created', 'order.status_changed', 'order.corrected')
                    ORDER BY l.version DESC LIMIT 1))))
          AND (w.hold IS NULL OR (SELECT seen.version FROM orders seen WHERE seen.id = o.id) = o.version)
        RETURNING w.place, w.actor_role, w.actor_id, w.actor_via, w.reason, w.key, w.request_id,
                  w.tracking AS new_tracking, w.corrects, w.silent, w.hold, CASE WHEN w.hold IS NOT NULL THEN (
                SELECT row_to_json(b) FROM (SELECT seen.tracking, seen.parcels, seen.due_at, seen.due_fixed
                FROM orders seen WHERE seen.id = o.id) AS b) END AS before, o.prev_status,
                  o.id, o.number, o.status, o.version, o.seller_id, o.buyer_id, o.buyer_name, o.items, o.total_minor, o.currency, o.tracking, o.created_at, o.updated_at, o.external_id, o.parcels, o.buyer_email, o.delivery, o.open, o.due_at, o.note, o.metadata, o.tags),
    e AS (
        INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, actor_via,
               seller_id, buyer_id, effect_bits, idempotency_key, request_id, at, tracking, notify, held)
        SELECT id, version, CASE WHEN corrects -> prev_status IS NULL THEN 'order.status_changed' ELSE 'order.corrected' END, prev_status, status, actor_role, actor_id, actor_via,
               seller_id, buyer_id, (703 | CASE WHEN prev_status IN (E'DELIVERED'::text) OR status IN (E'DELIVERED'::text) THEN 256 ELSE 0 END) & ~CASE WHEN silent THEN 128 ELSE 0 END, key, request_id, updated_at, new_tracking, silent IS NULL, CASE WHEN hold IS NOT NULL
                   THEN json_build_object('until', updated_at + make_interval(secs => hold), 'before', before) END FROM moved
        RETURNING id, order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id, buyer_id, NULL::text AS reason, at, actor_via, request_id, effect_bits),
    reasons AS (
        INSERT INTO order_reasons (event_id, reason)
        SELECT e.id, moved.reason FROM moved JOIN e ON e.order_id = moved.id WHERE moved.reason IS NOT NULL),
    superseded AS (
        DELETE FROM outbox WHERE owner + 0 = -1 AND id = ANY(ARRAY(
            SELECT held.id FROM moved CROSS JOIN LATERAL (
                SELECT h.id FROM outbox h
                WHERE h.order_id = moved.id AND h.event_type = 'order' AND h.owner + 0 = -1
                  AND (SELECT t.version FROM order_events t WHERE t.id = h.event_id) > (
                    SELECT coalesce(max(v.version) FILTER (WHERE v.to_status = moved.status),
                                    max(v.version) FILTER (WHERE v.type IN ('order.created', 'order.status_changed', 'order.corrected')) - 1)
                    FROM order_events v WHERE v.order_id = moved.id AND v.version < moved.version)
                OFFSET 0) AS held
            WHERE moved.corrects -> moved.prev_status IS NOT NULL))
        RETURNING event_id, order_id, pending, request_id),
    superseded_effects AS (
        INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, status, finished_at, last_error)
    SELECT l.kind, l.destination, 'order', s.event_id, s.order_id, s.request_id, 'superseded', e.at, 'superseded by event ' || e.id
    FROM superseded s JOIN e ON e.order_id = s.order_id
        CROSS JOIN (VALUES (16, E'signal.order_status_changed'::text, E'receivers'::text), (128, E'email.status'::text, E'mail-server'::text), (512, E'webhook.delivery'::text, E'webhooks'::text)) AS l (bit, kind, destination) WHERE s.pending & l.bit <> 0
    ON CONFLICT DO NOTHING),
    held AS (
        INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
        SELECT 'order', id, order_id, effect_bits & 656, request_id, -1, at + make_interval(secs => hold)
        FROM (SELECT e.*, moved.hold FROM e JOIN moved ON moved.id = e.order_id) AS changed WHERE hold IS NOT NULL AND effect_bits & 656 <> 0 RETURNING id, event_id),
    entry AS (
        INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
        SELECT 'order', id, order_id, effect_bits & ~CASE WHEN changed.hold IS NULL THEN 0 ELSE 656 END, request_id, $2, at + interval '15 s'
        FROM (SELECT e.*, moved.hold FROM e JOIN moved ON moved.id = e.order_id) AS changed RETURNING id, event_id)
    SELECT moved.place, entry.id, effect_bits & ~CASE WHEN moved.hold IS NULL THEN 0 ELSE 656 END,
        ((left((SELECT row_to_json(members)::text FROM (SELECT moved.id AS id, moved.number AS number, moved.status AS status, moved.version AS version, moved.seller_id AS seller_id, moved.buyer_id AS buyer_id, moved.buyer_name AS buyer_name, moved.items AS items, moved.total_minor AS total_minor, moved.currency AS currency, moved.tracking AS tracking, moved.created_at AS created_at, moved.updated_at AS updated_at) AS members), -1)
        || coalesce(',"external_id":' || to_json(moved.external_id)::text, '') || coalesce(',"parcels":' || coalesce(moved.parcels::text, '[{"id":"1",' || substr(moved.tracking::text, 2) || ']'), '')) || CASE moved.actor_role WHEN '' THEN '' ELSE
        coalesce(',"buyer_email":' || to_json(CASE moved.actor_role WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' THEN nullif(moved.buyer_email, '')
        ELSE left(moved.buyer_email, 1) || '…' || nullif(substr(moved.buyer_email, strpos(moved.buyer_email, '@')), '') END ELSE nullif(moved.buyer_email, '') END)::text, '') || coalesce(',"delivery":' || (CASE moved.actor_role WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' OR moved.delivery ->> 'phone' IS NULL THEN moved.delivery
        ELSE moved.delivery || jsonb_build_object('phone', '…' || right(moved.delivery ->> 'phone', 2)) END ELSE moved.delivery END)::text, '')
        || CASE moved.actor_role WHEN 'buyer' THEN '' ELSE coalesce(',"due_at":' || to_json(moved.due_at)::text || ',"late":' || (moved.open AND moved.due_at < clock_timestamp())::text, '') || coalesce(',"note":' || to_json(moved.note)::text, '') || coalesce(',"metadata":' || moved.metadata::text, '') || coalesce(',"tags":' || to_json(moved.tags)::text, '') END END),
        e.id, e.order_id, e.version, e.type, e.from_status, e.to_status, e.actor_role, e.actor_id, e.seller_id, e.buyer_id, moved.reason, e.at, e.actor_via, moved.silent IS NULL
    FROM e JOIN moved ON moved.id = e.order_id JOIN entry ON entry.event_id = e.id
