-- side_effects
-- A page of the operators' list, with some filters; each is there only if the request has it.
-- Composed in operations/listing.py.

SELECT '[' || coalesce(string_agg(row_to_json(members)::text, ',' ORDER BY id DESC), '') || ']',
            min(id), count(*), EXISTS (SELECT FROM side_effects WHERE id <= :lowest)
        FROM (SELECT s.id, s.kind, s.destination, s.event_type, s.event_id, s.order_id, s.status, s.attempts, s.crashes, s.scheduled_at, s.last_error, s.fingerprint, s.request_id, s.created_at, s.finished_at, s.job_id, coalesce(CASE s.event_type WHEN 'order' THEN EXISTS (SELECT FROM order_events e JOIN order_events later ON later.order_id = e.order_id
    AND later.version > e.version AND later.changed IS NULL AND later.undoes IS NULL
    WHERE e.id = s.event_id AND NOT EXISTS (SELECT FROM order_events u
        WHERE u.order_id = later.order_id AND u.version = later.version + 1 AND u.undoes = later.id)) WHEN 'message' THEN false WHEN 'note' THEN false WHEN 'message.seen' THEN false END, false) AS moved_on FROM side_effects s
            WHERE s.kind = :kind AND EXISTS (SELECT FROM unnest(CAST(:errors AS text[])) AS w (word)
        WHERE strpos(lower(s.last_error), lower(w.word)) > 0) AND s.status = :status AND s.id < :before AND s.id > :lowest ORDER BY s.id DESC LIMIT :limit) AS members
