-- What people say about themselves.

-- name: get(id)
-- A person's profile; none if the account was deleted.
SELECT id, email, name, language, time_zone, theme FROM people WHERE id = :id

-- name: change(id, given, name, language, time_zone, theme)
-- Only the members that were given.
UPDATE people SET
    name = CASE WHEN 'name' = ANY(:given) THEN :name ELSE name END,
    language = CASE WHEN 'language' = ANY(:given) THEN :language ELSE language END,
    time_zone = CASE WHEN 'time_zone' = ANY(:given) THEN :time_zone ELSE time_zone END,
    theme = CASE WHEN 'theme' = ANY(:given) THEN :theme ELSE theme END
WHERE id = :id AND disabled_at IS NULL
