-- What effects read that run code, and timers.

-- name: load_events(ids bigint[])
-- The rows of the history, with their reasons, as receivers of the signal get them.
SELECT {columns}, notify FROM {events} e WHERE id = ANY(:ids)
