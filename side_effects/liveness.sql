-- A process's sign of life: a session-level advisory lock of its own.

-- name: hold(space int, number int)
-- Waits for the lock, since the server ends a connection before it releases its locks: a process that only tried came
-- back too soon, stayed without the lock, and looked dead to the others from then on.
SELECT pg_advisory_lock(:space, :number)

-- name: new_number()
-- Each process draws one number.
SELECT nextval('process_seq')

-- fragment: living
-- CTEs: which processes are alive, and whether that and the leases can be trusted yet.
living AS (
    SELECT objid::bigint AS owner FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {process_locks} AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
stable AS (
    SELECT pg_postmaster_start_time() < clock_timestamp() - interval '{restart_grace_seconds} s' AS yes)
