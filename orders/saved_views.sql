-- Saved views, each of one person.

-- fragment: view
-- A view as the API shows it.
(SELECT row_to_json(members)::text FROM (SELECT v.id, v.name, v.filters, v.created_at, v.updated_at) AS members)

-- name: own(owner)
-- At most 50, in the order of their names.
SELECT '[' || coalesce(string_agg({view}, ',' ORDER BY v.name, v.id), '') || ']' FROM saved_views v WHERE v.owner = :owner

-- name: count(owner)
-- Before one is added, with a lock until it is: two at once would both be the fiftieth.
SELECT count(*) FROM (SELECT pg_advisory_xact_lock(hashtextextended('view ' || :owner, 0) | {hashed})) AS locked
LEFT JOIN saved_views v ON true WHERE v.owner = :owner

-- name: add(owner, name, filters)
-- The name is unique among those of the owner.
INSERT INTO saved_views AS v (owner, name, filters) VALUES (:owner, :name, CAST(:filters AS json)) RETURNING {view}

-- name: change(id, owner, name, filters)
-- NULL leaves a member as it is.
UPDATE saved_views v SET name = coalesce(:name, v.name), filters = coalesce(CAST(:filters AS json), v.filters),
    updated_at = clock_timestamp()
WHERE v.id = :id AND v.owner = :owner RETURNING {view}

-- name: remove(id, owner)
-- Somebody else's is not found.
DELETE FROM saved_views WHERE id = :id AND owner = :owner

-- name: worded()
-- What people wrote into views: a person has at most 50, so all of them are read.
SELECT id, concat_ws(' ', name, filters->>'q') AS text FROM saved_views

-- name: erase_own(buyer, piece)
-- The views of a buyer, and of the accounts that act as this buyer.
DELETE FROM saved_views WHERE id = ANY(ARRAY(
    SELECT id FROM saved_views WHERE owner = 'buyer:' || :buyer OR owner IN (
        SELECT 'person:' || p.id FROM people p WHERE p.role = 'buyer' AND p.principal_id = :buyer) LIMIT :piece))

-- name: erase(views, piece)
-- Views that name a buyer who is erased.
DELETE FROM saved_views WHERE id = ANY(ARRAY(SELECT id FROM saved_views WHERE id = ANY(:views) LIMIT :piece))
