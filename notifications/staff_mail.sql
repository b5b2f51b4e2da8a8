-- Letters to several people: who has theirs already.

-- name: letters_sent(kind text, event_id bigint)
-- To whom this letter was sent by an earlier attempt.
SELECT person_id FROM sent_letters WHERE kind = :kind AND event_id = :event_id

-- name: letter_sent(kind text, event_id bigint, person_id bigint)
-- So that an attempt that fails for one person sends it to nobody else again.
INSERT INTO sent_letters (kind, event_id, person_id) VALUES (:kind, :event_id, :person_id)
ON CONFLICT DO NOTHING RETURNING 1

-- name: prune_letters(days, piece)
-- A range of the primary key, since ids follow time. A dead letter that is redelivered later goes to all of its people
-- again.
WITH oldest AS (SELECT id, at FROM sent_letters ORDER BY id LIMIT :piece),
old AS (SELECT max(id) AS id FROM oldest WHERE at < clock_timestamp() - make_interval(days => :days))
DELETE FROM sent_letters WHERE id <= (SELECT id FROM old)
