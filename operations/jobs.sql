-- Jobs of operators. Which dead letters are meant is composed in Python.

-- name: newest_dead()
-- What dies later is not the job's.
SELECT max(id) FROM side_effects WHERE status = 'dead'

-- name: start_job(actor, via, action, selection, target, reason, per_second, matching, last_id)
-- It is due at once, in whichever process looks first.
INSERT INTO operator_jobs (actor, actor_via, action, selection, target, reason, per_second, matching, last_id)
VALUES (:actor, :via, :action, CAST(:selection AS json), :target, :reason, :per_second, :matching, :last_id)
RETURNING id

-- name: stop_job(id)
-- The piece in progress ends first: it holds the row.
UPDATE operator_jobs SET state = 'stopped', finished_at = clock_timestamp() WHERE id = :id AND state = 'running'

-- fragment: shown
SELECT j.id, j.actor, {by} AS by, j.action, j.target, j.reason, j.per_second, j.state, j.matching, j.done, j.error,
    j.created_at, j.finished_at,
    (SELECT coalesce(json_object_agg(r.status, r.count), '{}') FROM (
        SELECT c.status, count(*) FROM (
            SELECT s.status FROM side_effects s WHERE s.job_id = j.id LIMIT {counted} + 1) AS c
        GROUP BY c.status) AS r) AS results
FROM operator_jobs j

-- name: jobs(limit)
-- The newest first, each with what became of its side effects, counted up to a limit.
{shown} ORDER BY j.id DESC LIMIT :limit

-- name: job(id)
-- One of them.
{shown} WHERE j.id = :id

-- name: take_job()
-- For the piece that its transaction makes; another process takes another one. If this one dies, nothing has happened.
SELECT id, actor, actor_via, action, selection, target, reason, per_second, last_id, done_to, done FROM operator_jobs
WHERE state = 'running' AND due_at <= clock_timestamp() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: note_piece(id, done_to, done, state, pause)
-- With the piece itself.
UPDATE operator_jobs SET done_to = :done_to, done = :done, state = :state, error = '',
    due_at = clock_timestamp() + make_interval(secs => :pause),
    finished_at = CASE WHEN :state = 'finished' THEN clock_timestamp() END
WHERE id = :id

-- name: note_error(id, error, pause)
-- A piece that failed is tried again later; other jobs go on.
UPDATE operator_jobs SET error = :error, due_at = clock_timestamp() + make_interval(secs => :pause)
WHERE id = :id AND state = 'running'

-- name: prune_jobs(days, piece)
-- The audit trail has what they did.
WITH oldest AS (SELECT id, finished_at FROM operator_jobs ORDER BY id LIMIT :piece)
DELETE FROM operator_jobs WHERE id = ANY(ARRAY(
    SELECT id FROM oldest WHERE finished_at < clock_timestamp() - make_interval(days => :days)))
