-- change_status_reasons_free
-- A batch of status changes; docs/decisions/0001-one-statement.md says why it is one statement. This one is for a batch with reasons, and taking only orders that are free. Takes $1 json, $2 bigint.
-- Composed in orders/change_sql.py.

WITH matching AS MATERIALIZED (
        SELECT w.* FROM json_to_recordset($1) AS w (place int, order_id bigint, status text, sources text[], seller_id bigint,
             buyer_id bigint, version int, open boolean, tracking json, actor_role text, actor_id bigint,
             actor_via text, reason text, key text, keyed boolean, request_id text, due int, done boolean) JOIN orders o ON o.id = w.order_id WHERE o.status = ANY(w.sources)
          AND (w.version IS NULL OR o.version = w.version)
          AND (w.seller_id::bigint IS NULL OR o.seller_id = w.seller_id) AND (w.buyer_id::bigint IS NULL OR o.buyer_id = w.buyer_id)
          AND (w.keyed IS NULL OR NOT EXISTS (SELECT FROM order_events k
               WHERE k.idempotency_key = w.key AND k.actor_id = w.actor_id AND k.actor_role = w.actor_role))),
    free AS MATERIALIZED (
        SELECT w.* FROM matching w JOIN orders o ON o.id = w.order_id WHERE o.status = ANY(w.sources)
          AND (w.version IS NULL OR o.version = w.version)
          AND (w.seller_id::bigint IS NULL OR o.seller_id = w.seller_id) AND (w.buyer_id::bigint IS NULL OR o.buyer_id = w.buyer_id)
        ORDER BY w.order_id FOR NO KEY UPDATE OF o SKIP LOCKED),
    moved AS (
        UPDATE orders o SET prev_status = o.status, status = w.status, version = o.version + 1, open = w.open,
               closed_as = CASE WHEN NOT w.open THEN w.status END,
               due_at = CASE WHEN o.due_fixed AND w.done IS NULL THEN o.due_at
                             ELSE clock_timestamp() + make_interval(secs => w.due) END,
               due_fixed = CASE WHEN w.done IS NULL THEN o.due_fixed END, updated_at = clock_timestamp()
        FROM free w
        WHERE o.id = w.order_id AND o.status = ANY(w.sources)
          AND (w.version IS NULL OR o.version = w.version)
          AND (w.seller_id::bigint IS NULL OR o.seller_id = w.seller_id) AND (w.buyer_id::bigint IS NULL OR o.buyer_id = w.buyer_id)
        RETURNING w.place, w.actor_role, w.actor_id, w.actor_via, w.reason, w.key, w.request_id,
                  o.prev_status,
                  o.id, o.number, o.status, o.version, o.seller_id, o.buyer_id, o.buyer_name, o.items, o.total_minor, o.currency, o.tracking, o.created_at, o.updated_at, o.external_id, o.parcels, o.buyer_email, o.delivery, o.open, o.due_at, o.note, o.metadata, o.tags),
    e AS (
        INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, actor_via,
               seller_id, buyer_id, effect_bits, idempotency_key, request_id, at)
        SELECT id, version, 'order.status_changed', prev_status, status, actor_role, actor_id, actor_via,
               seller_id, buyer_id, 703 | CASE WHEN prev_status IN (E'DELIVERED'::text) OR status IN (E'DELIVERED'::text) THEN 256 ELSE 0 END, key, request_id, updated_at FROM moved ORDER BY key
        RETURNING id, order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id, buyer_id, NULL::text AS reason, at, actor_via, request_id, effect_bits),
    reasons AS (
        INSERT INTO order_reasons (event_id, reason)
        SELECT e.id, moved.reason FROM moved JOIN e ON e.order_id = moved.id WHERE moved.reason IS NOT NULL),
    entry AS (
        INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
        SELECT 'order', id, order_id, effect_bits, request_id, $2, at + interval '15 s'
        FROM e RETURNING id, event_id)
    SELECT moved.place, entry.id, e.effect_bits,
        ((left((SELECT row_to_json(members)::text FROM (SELECT moved.id AS id, moved.number AS number, moved.status AS status, moved.version AS version, moved.seller_id AS seller_id, moved.buyer_id AS buyer_id, moved.buyer_name AS buyer_name, moved.items AS items, moved.total_minor AS total_minor, moved.currency AS currency, moved.tracking AS tracking, moved.created_at AS created_at, moved.updated_at AS updated_at) AS members), -1)
        || coalesce(',"external_id":' || to_json(moved.external_id)::text, '') || coalesce(',"parcels":' || coalesce(moved.parcels::text, '[{"id":"1",' || substr(moved.tracking::text, 2) || ']'), '')) || CASE moved.actor_role WHEN '' THEN '' ELSE
        coalesce(',"buyer_email":' || to_json(CASE moved.actor_role WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' THEN nullif(moved.buyer_email, '')
        ELSE left(moved.buyer_email, 1) || '…' || nullif(substr(moved.buyer_email, strpos(moved.buyer_email, '@')), '') END ELSE nullif(moved.buyer_email, '') END)::text, '') || coalesce(',"delivery":' || (CASE moved.actor_role WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' OR moved.delivery ->> 'phone' IS NULL THEN moved.delivery
        ELSE moved.delivery || jsonb_build_object('phone', '…' || right(moved.delivery ->> 'phone', 2)) END ELSE moved.delivery END)::text, '')
        || CASE moved.actor_role WHEN 'buyer' THEN '' ELSE coalesce(',"due_at":' || to_json(moved.due_at)::text || ',"late":' || (moved.open AND moved.due_at < clock_timestamp())::text, '') || coalesce(',"note":' || to_json(moved.note)::text, '') || coalesce(',"metadata":' || moved.metadata::text, '') || coalesce(',"tags":' || to_json(moved.tags)::text, '') END END),
        e.id, e.order_id, e.version, e.type, e.from_status, e.to_status, e.actor_role, e.actor_id, e.seller_id, e.buyer_id, moved.reason, e.at, e.actor_via
    FROM e JOIN moved ON moved.id = e.order_id JOIN entry ON entry.event_id = e.id
    UNION ALL SELECT place, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM matching
    WHERE place NOT IN (SELECT place FROM free)
