-- What an operator does to the log of live events.

-- name: pack(packed)
-- Processes look every minute.
UPDATE realtime_log SET packed = :packed

-- name: new_epoch()
-- By the clock, so that no epoch from before the backup is used again.
UPDATE realtime_log SET epoch = greatest(epoch + 1, CAST(extract(epoch FROM clock_timestamp()) AS bigint))
RETURNING epoch
