-- orders
-- A page of an operator's list with every filter; each is there only if the request has it.
-- Composed in orders/listing.py.

SELECT o.id, o.number, o.status, left((SELECT row_to_json(members)::text FROM (SELECT o.id AS id, o.number AS number, o.status AS status, o.version AS version, o.seller_id AS seller_id, o.buyer_id AS buyer_id, o.buyer_name AS buyer_name, o.items AS items, o.total_minor AS total_minor, o.currency AS currency, o.tracking AS tracking, o.created_at AS created_at, o.updated_at AS updated_at) AS members), -1) FROM (
            SELECT o.id AS found FROM orders o WHERE o.number = :number AND o.seller_id = :seller_id AND o.buyer_id = :buyer_id AND o.created_at >= :placed_from AND o.created_at < :placed_until AND o.id IN (SELECT w.order_id FROM order_search w WHERE w.document @@ search_query(:terms)) AND o.status = ANY(:statuses) AND o.open AND (o.number, o.id) > (:last_number, :last_id)
            ORDER BY o.number, o.id LIMIT :limit) AS page
        JOIN orders o ON o.id = page.found ORDER BY o.number, o.id
