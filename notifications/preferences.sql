-- What people have chosen.

-- fragment: row
choices, quiet_from, quiet_until, time_zone

-- name: chosen(owner)
-- One person's choices; none without a row.
SELECT {row} FROM preferences WHERE owner = :owner

-- name: set(owner, choices, inbox_off, quiet_from, quiet_until, time_zone)
-- All of them at once.
INSERT INTO preferences AS p (owner, choices, inbox_off, quiet_from, quiet_until, time_zone)
VALUES (:owner, CAST(:choices AS jsonb), :inbox_off, CAST(:quiet_from AS time), CAST(:quiet_until AS time), :time_zone)
ON CONFLICT (owner) DO UPDATE SET choices = excluded.choices, inbox_off = excluded.inbox_off,
    quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until, time_zone = excluded.time_zone,
    updated_at = clock_timestamp()

-- name: choose(owner, kind, way, choice)
-- One of them, by a link of an e-mail.
INSERT INTO preferences AS p (owner, choices)
VALUES (:owner, jsonb_build_object(CAST(:kind AS text), jsonb_build_object(CAST(:way AS text), CAST(:choice AS text))))
ON CONFLICT (owner) DO UPDATE SET updated_at = clock_timestamp(), choices = p.choices || jsonb_build_object(
    CAST(:kind AS text), coalesce(p.choices -> CAST(:kind AS text), '{}') || jsonb_build_object(
        CAST(:way AS text), CAST(:choice AS text)))

-- name: preferences_of(owner text)
-- For an attempt, with the current time; one of the shop's people may have only a time zone, in the profile.
SELECT p.choices, p.quiet_from, p.quiet_until,
    coalesce(p.time_zone, (SELECT q.time_zone FROM people q
        WHERE q.id = CASE WHEN :owner LIKE 'person:%' THEN substr(:owner, 8)::bigint END)),
    clock_timestamp()
FROM (SELECT) AS one LEFT JOIN preferences p ON p.owner = :owner

-- name: zone_of_person(id)
-- What the person's profile says.
SELECT time_zone FROM people WHERE id = :id

-- fragment: of_buyer
owner = 'buyer:' || :buyer OR owner IN (
    SELECT 'person:' || p.id FROM people p WHERE p.role = 'buyer' AND p.principal_id = :buyer)

-- name: erase_preferences(buyer, piece)
-- Part of erasing personal data on request.
DELETE FROM preferences WHERE owner = ANY(ARRAY(SELECT owner FROM preferences WHERE {of_buyer} LIMIT :piece))

-- name: export_preferences(buyer)
-- Part of the personal data that is handed out on request.
SELECT row_to_json(p) FROM preferences p WHERE {of_buyer} ORDER BY owner
