-- Profiles of sellers.

-- name: get(id)
-- A seller's profile.
SELECT id, name, logo, colour, reply_to, hours, version, updated_at FROM sellers WHERE id = :id

-- name: version(id)
-- Locked, so that the version is still the same when the profile is written.
SELECT version FROM sellers WHERE id = :id FOR UPDATE

-- name: set(id, name, logo, colour, reply_to, hours)
-- The whole profile; what it was before is not kept.
INSERT INTO sellers (id, name, logo, colour, reply_to, hours) VALUES (:id, :name, :logo, :colour, :reply_to, :hours)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, logo = excluded.logo, colour = excluded.colour,
    reply_to = excluded.reply_to, hours = excluded.hours, version = sellers.version + 1, updated_at = clock_timestamp()

-- name: names(ids)
-- Of these shops, for lists of the orders of several.
SELECT id, name FROM sellers WHERE id = ANY(:ids) AND name IS NOT NULL
