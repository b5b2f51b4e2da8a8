-- People who sign in with a password.

-- fragment: columns
id, email, name, role, principal_id, password, session_key

-- name: by_email(email)
-- Who signs in; nobody does who was disabled.
SELECT {columns} FROM people WHERE email = :email AND disabled_at IS NULL

-- name: by_session(session_key)
-- Whose browser it is: the key is a new one after each change of password or role, which ends all sessions.
SELECT {columns} FROM people WHERE session_key = :session_key AND disabled_at IS NULL

-- name: add(email, name, role, principal_id, session_key)
-- Without a password, which they choose by a link.
INSERT INTO people (email, name, role, principal_id, session_key)
VALUES (:email, :name, :role, :principal_id, :session_key) RETURNING {columns}

-- name: list()
-- For operators; the newest are enough for a page.
SELECT id, email, name, role, principal_id, password IS NOT NULL AS has_password, created_at, signed_in_at, disabled_at
FROM people ORDER BY id DESC LIMIT 1000

-- name: export(role, id)
-- What is told to somebody who asks for their personal data.
SELECT id, email, name, role, principal_id, created_at, signed_in_at, disabled_at
FROM people WHERE role = :role AND principal_id = :id ORDER BY id

-- name: erase(role, id)
-- Somebody wants to be forgotten.
DELETE FROM people WHERE role = :role AND principal_id = :id

-- name: signed_in(id)
-- Shows who has not come for long.
UPDATE people SET signed_in_at = clock_timestamp() WHERE id = :id

-- name: set_password(id, password, session_key, new)
-- Only for who still has the session key that the link was made for, so a link is good for one password.
UPDATE people SET password = :password, session_key = :new
WHERE id = :id AND session_key = :session_key RETURNING id

-- name: disable(email, new)
-- Returns the session key of before, by which what they hold is taken back.
WITH was AS (SELECT id, session_key FROM people WHERE email = :email AND disabled_at IS NULL FOR UPDATE)
UPDATE people SET disabled_at = clock_timestamp(), session_key = :new FROM was WHERE people.id = was.id
RETURNING was.session_key, role || ' ' || principal_id

-- name: change(email, role, principal_id, new)
-- As `disable`: what was signed in with the old role ends.
WITH was AS (SELECT id, session_key FROM people WHERE email = :email FOR UPDATE)
UPDATE people SET role = :role, principal_id = :principal_id, session_key = :new FROM was WHERE people.id = was.id
RETURNING was.session_key

-- name: known(email)
-- To tell somebody who is not as was thought from an address that nobody has.
SELECT EXISTS (SELECT FROM people WHERE email = :email)

-- name: enable(email)
-- The session key stays the new one: who was signed in before has to do it again.
UPDATE people SET disabled_at = NULL WHERE email = :email AND disabled_at IS NOT NULL RETURNING id
