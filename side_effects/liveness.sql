-- A process's sign of life: a session advisory lock of its own.

-- name: hold(space int, number int)
-- Waits for it, since the server says goodbye to a connection before it lets go of its locks: who only tried for it
-- came back too soon, stayed without, and looked dead to the others ever after.
SELECT pg_advisory_lock(:space, :number)

-- name: new_number()
-- Each process has a number of its own, drawn once.
SELECT nextval('process_seq')

-- fragment: living
-- CTEs: which processes live, and whether that and the leases can be believed yet.
living AS (
    SELECT objid::bigint AS owner FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {process_locks} AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
settled_down AS (
    SELECT pg_postmaster_start_time() < clock_timestamp() - interval '{restart_grace_seconds} s' AS yes)
