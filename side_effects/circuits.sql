-- Circuit breakers: one row per destination, changed by compare-and-set.

-- fragment: now
extract(epoch FROM clock_timestamp())::float8

-- name: read_circuit(destination text)
-- `xmin` is the version that a change compares with.
SELECT state, "window"::text, coalesce(extract(epoch FROM until)::float8, 0), cooldown, probes, passed,
    xmin::text, {now}
FROM circuits WHERE destination = :destination

-- name: create_circuit(destination text)
-- For a destination's first call; another process may be doing the same.
INSERT INTO circuits (destination) VALUES (:destination) ON CONFLICT DO NOTHING RETURNING 1

-- name: write_circuit(destination text, version text, state text, window json, until float8, cooldown float8, probes int, passed int, reason text)
-- Returns a row unless another process has changed the circuit. A change of the state is recorded with its reason.
WITH changed AS (
    UPDATE circuits SET state = :state, "window" = :window, until = to_timestamp(:until), cooldown = :cooldown,
        probes = :probes, passed = :passed
    WHERE destination = :destination AND xmin::text = :version RETURNING destination),
recorded AS (
    INSERT INTO circuit_changes (destination, state, reason)
    SELECT destination, :state, :reason FROM changed WHERE :reason <> '')
SELECT 1 FROM changed

-- name: circuits_not_closed()
-- With whether the time for a probe has come.
SELECT destination, state, paused, coalesce(extract(epoch FROM until)::float8, 0) <= {now}, probes
FROM circuits WHERE state <> 'closed' OR paused
