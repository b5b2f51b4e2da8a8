-- What operators see and do. Where they choose which side effects are meant, the statement is composed.

-- name: groups()
-- Dead letters by kind and error, of a bounded number: a page never counts a large table.
SELECT kind, fingerprint, count(*) AS count, min(last_error) AS example, min(created_at) AS oldest,
    array_agg(DISTINCT destination) AS destinations
FROM (SELECT * FROM side_effects WHERE status = 'dead' ORDER BY kind, fingerprint, id LIMIT {at_once}) AS s
GROUP BY kind, fingerprint ORDER BY count(*) DESC

-- name: pause(destination)
-- A destination that never failed can be paused too.
INSERT INTO circuits (destination, paused) VALUES (:destination, true)
ON CONFLICT (destination) DO UPDATE SET paused = true

-- name: resume(destination)
-- Its circuit starts afresh.
UPDATE circuits SET paused = false, state = 'closed', cooldown = 0, probes = 0, passed = 0, "window" = '[]'
WHERE destination = :destination

-- name: record_change(destination, state, reason)
-- An operator's actions are part of the circuit's history.
INSERT INTO circuit_changes (destination, state, reason) VALUES (:destination, :state, :reason)

-- fragment: quoted
-- Whether a text quotes one of the addresses.
EXISTS (SELECT FROM unnest(CAST(:addresses AS text[])) AS a (address) WHERE strpos(lower(t.text), lower(a.address)) > 0)

-- name: erase_quoted(addresses, piece)
-- A circuit is opened by an error, and a mail server's may quote the address of a buyer.
UPDATE circuit_changes SET reason = '(erased)' WHERE id = ANY(ARRAY(
    SELECT t.id FROM (SELECT id, reason AS text FROM circuit_changes) AS t WHERE {quoted} LIMIT :piece))

-- name: erase_targets(addresses, piece)
-- Who looks for the errors about a buyer may have typed the address. That something was done stays.
UPDATE operator_actions SET target = '(erased)' WHERE id = ANY(ARRAY(
    SELECT t.id FROM (SELECT id, target AS text FROM operator_actions) AS t WHERE {quoted} LIMIT :piece))

-- name: erase_selections(addresses, piece)
-- The same of jobs: one that is in progress selects nothing any more.
UPDATE operator_jobs SET target = '(erased)', selection = '{"ids":[0]}' WHERE id = ANY(ARRAY(
    SELECT t.id FROM (SELECT id, target AS text FROM operator_jobs) AS t WHERE {quoted} LIMIT :piece))

-- name: circuits(limit, first_slot, only_paused)
-- Destinations that were ever called, first those that are not called now: with what waits, counted up to a limit, the
-- calls of the last five minutes, and the last change. A webhook's has the shop of its endpoint.
SELECT c.destination, CASE WHEN c.paused THEN 'paused' ELSE c.state END AS state,
    CASE WHEN c.state <> 'closed' THEN c.until END AS until, l.reason, l.at,
    (SELECT count(*) FROM (SELECT FROM side_effects s WHERE s.destination = c.destination AND s.status = 'pending'
        ORDER BY s.event_id LIMIT {at_once} + 1) AS w) AS waiting,
    (SELECT coalesce(sum((n.slot ->> 1)::int), 0) FROM json_array_elements(c."window") AS n (slot)
        WHERE (n.slot ->> 0)::bigint >= :first_slot) AS calls,
    (SELECT coalesce(sum((n.slot ->> 2)::int), 0) FROM json_array_elements(c."window") AS n (slot)
        WHERE (n.slot ->> 0)::bigint >= :first_slot) AS failures,
    (SELECT nullif(w.seller_id, 0) FROM webhook_endpoints w WHERE w.id = CASE
        WHEN c.destination ~ '^webhook:[0-9]{1,18}$' THEN substr(c.destination, 9)::bigint END) AS seller_id
FROM (SELECT * FROM circuits WHERE paused OR NOT :only_paused ORDER BY state = 'closed' AND NOT paused, destination LIMIT :limit) AS c
LEFT JOIN LATERAL (SELECT reason, at FROM circuit_changes
    WHERE destination = c.destination ORDER BY id DESC LIMIT 1) AS l ON true
ORDER BY c.state = 'closed' AND NOT c.paused, c.destination

-- name: modes()
-- What operators have set.
SELECT kind, mode FROM side_effect_modes ORDER BY kind

-- name: forget_modes()
-- Switching all kinds overrides what was set for single ones.
DELETE FROM side_effect_modes

-- name: set_mode(kind, mode)
-- Every process reads it each second.
INSERT INTO side_effect_modes (kind, mode) VALUES (:kind, :mode)
ON CONFLICT (kind) DO UPDATE SET mode = :mode

-- name: reset_mode(kind)
-- The setting applies again.
DELETE FROM side_effect_modes WHERE kind = :kind

-- name: actions(limit)
-- The audit trail, newest first.
SELECT actor, {by} AS by, action, target, reason, count, at FROM operator_actions ORDER BY id DESC LIMIT :limit

-- name: record(actor, via, action, target, reason, count)
-- Committed together with the action.
INSERT INTO operator_actions (actor, actor_via, action, target, reason, count)
VALUES (:actor, :via, :action, :target, :reason, :count)

-- name: prune_changes(days, piece)
-- A destination's last change stays: it says why the circuit is as it is.
WITH oldest AS (SELECT id, destination, at FROM circuit_changes ORDER BY id LIMIT :piece)
DELETE FROM circuit_changes WHERE id = ANY(ARRAY(
    SELECT o.id FROM oldest o WHERE o.at < clock_timestamp() - make_interval(days => :days)
    AND EXISTS (SELECT FROM circuit_changes n WHERE n.destination = o.destination AND n.id > o.id)))
