-- board
-- Pages of the columns of a seller's board. An operator's has another form.
-- Composed in orders/board.py.

SELECT asked.place, whole.status, whole.head FROM unnest(CAST(:statuses AS text[]), CAST(:after AS bigint[]), CAST(:until AS bigint[]), CAST(:limits AS int[]))
        WITH ORDINALITY AS asked (status, after, until, most, place)
    CROSS JOIN LATERAL (
        SELECT o.id FROM orders o
        WHERE o.open AND o.seller_id = :seller AND o.status = asked.status AND o.id > asked.after AND o.id <= asked.until
        ORDER BY o.id LIMIT asked.most) AS page
    CROSS JOIN LATERAL (SELECT o.status, o.updated_at, ((left((SELECT row_to_json(members)::text FROM (SELECT o.id AS id, o.number AS number, o.status AS status, o.version AS version, o.seller_id AS seller_id, o.buyer_id AS buyer_id, o.buyer_name AS buyer_name, o.items AS items, o.total_minor AS total_minor, o.currency AS currency, o.tracking AS tracking, o.created_at AS created_at, o.updated_at AS updated_at) AS members), -1)
        || coalesce(',"external_id":' || to_json(o.external_id)::text, '') || coalesce(',"parcels":' || coalesce(o.parcels::text, '[{"id":"1",' || substr(o.tracking::text, 2) || ']'), '')) || CASE E'seller'::text WHEN '' THEN '' ELSE
        coalesce(',"buyer_email":' || to_json(CASE E'seller'::text WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' THEN nullif(o.buyer_email, '')
        ELSE left(o.buyer_email, 1) || '…' || nullif(substr(o.buyer_email, strpos(o.buyer_email, '@')), '') END ELSE nullif(o.buyer_email, '') END)::text, '') || coalesce(',"delivery":' || (CASE E'seller'::text WHEN 'seller' THEN CASE WHEN current_setting('onward.sellers_see_contact', true) = '1' OR o.delivery ->> 'phone' IS NULL THEN o.delivery
        ELSE o.delivery || jsonb_build_object('phone', '…' || right(o.delivery ->> 'phone', 2)) END ELSE o.delivery END)::text, '')
        || CASE E'seller'::text WHEN 'buyer' THEN '' ELSE coalesce(',"due_at":' || to_json(o.due_at)::text || ',"late":' || (o.open AND o.due_at < clock_timestamp())::text, '') || coalesce(',"note":' || to_json(o.note)::text, '') || coalesce(',"metadata":' || o.metadata::text, '') || coalesce(',"tags":' || to_json(o.tags)::text, '') END END) AS head
                        FROM orders o WHERE o.id = page.id OFFSET 0) AS whole ORDER BY asked.place, page.id
