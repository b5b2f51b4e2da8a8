-- What operators see and do. Where they choose which side effects are meant, the statement is composed.

-- name: newest_below(before)
-- Where a page of all side effects begins.
SELECT max(id) FROM side_effects WHERE id < :before

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

-- name: erase_quoted(addresses, piece)
-- A circuit is opened by an error, and a mail server's may quote the address of a buyer.
UPDATE circuit_changes SET reason = '(erased)' WHERE id = ANY(ARRAY(
    SELECT c.id FROM circuit_changes c WHERE EXISTS (
        SELECT FROM unnest(CAST(:addresses AS text[])) AS a (address) WHERE strpos(lower(c.reason), lower(a.address)) > 0)
    LIMIT :piece))

-- name: circuits()
-- Destinations that ever failed, with their last change.
SELECT c.destination, CASE WHEN c.paused THEN 'paused' ELSE c.state END AS state, c.until, l.reason, l.at
FROM circuits c LEFT JOIN LATERAL (SELECT reason, at FROM circuit_changes
    WHERE destination = c.destination ORDER BY id DESC LIMIT 1) AS l ON true ORDER BY c.destination

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
