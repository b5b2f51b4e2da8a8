-- People who sign in with a password.

-- fragment: columns
id, email, name, role, principal_id, password, session_key

-- name: by_email(email)
-- For signing in; disabled accounts are not found.
SELECT {columns} FROM people WHERE email = :email AND disabled_at IS NULL

-- name: by_session(session_key)
-- The owner of a browser session. A change of password or role changes the key, which ends all sessions.
SELECT {columns} FROM people WHERE session_key = :session_key AND disabled_at IS NULL

-- name: add(email, name, role, principal_id, session_key)
-- Accounts begin without a password; their owners choose one by a link.
INSERT INTO people (email, name, role, principal_id, session_key)
VALUES (:email, :name, :role, :principal_id, :session_key) RETURNING {columns}

-- name: list(role, id)
-- For operators, of one account or of all. The newest 1,000 are enough for a page.
SELECT id, email, name, role, principal_id, password IS NOT NULL AS has_password, created_at, signed_in_at, disabled_at
FROM people WHERE (CAST(:role AS text) IS NULL OR role = :role) AND (CAST(:id AS bigint) IS NULL OR principal_id = :id)
ORDER BY id DESC LIMIT 1000

-- name: export(role, id)
-- Part of the personal data that is handed out on request.
SELECT id, email, name, role, principal_id, created_at, signed_in_at, disabled_at, language, time_zone, theme
FROM people WHERE role = :role AND principal_id = :id ORDER BY id

-- name: erase(role, id)
-- Part of erasing personal data on request.
DELETE FROM people WHERE role = :role AND principal_id = :id

-- name: signed_in(id)
-- Shows operators which accounts are no longer used.
UPDATE people SET signed_in_at = clock_timestamp() WHERE id = :id

-- name: set_password(id, password, session_key, new)
-- Only while the session key is the one that the link was created for, so a link sets one password.
UPDATE people SET password = :password, session_key = :new
WHERE id = :id AND session_key = :session_key RETURNING id

-- name: disable(email, new)
-- Returns the previous session key, so that the credentials of its sessions can be revoked.
WITH was AS (SELECT id, session_key FROM people WHERE email = :email AND disabled_at IS NULL FOR UPDATE)
UPDATE people SET disabled_at = clock_timestamp(), session_key = :new FROM was WHERE people.id = was.id
RETURNING was.session_key, role || ' ' || principal_id

-- name: change(email, role, principal_id, new)
-- As `disable`: sessions with the former role end.
WITH was AS (SELECT id, session_key FROM people WHERE email = :email FOR UPDATE)
UPDATE people SET role = :role, principal_id = :principal_id, session_key = :new FROM was WHERE people.id = was.id
RETURNING was.session_key

-- name: known(email)
-- Distinguishes an account in an unexpected state from an address without one.
SELECT EXISTS (SELECT FROM people WHERE email = :email)

-- name: enable(email)
-- The session key is not restored: previous sessions stay ended.
UPDATE people SET disabled_at = NULL WHERE email = :email AND disabled_at IS NOT NULL RETURNING id

-- name: by_id(id)
-- People are named by their address on the command line, and by their id over HTTP; disabled ones are found.
SELECT {columns} FROM people WHERE id = :id

-- name: sign_out(email, new)
-- As `disable`: returns the session key that ends.
WITH was AS (SELECT id, session_key FROM people WHERE email = :email FOR UPDATE)
UPDATE people SET session_key = :new FROM was WHERE people.id = was.id RETURNING was.session_key

-- name: empty(email)
-- The first step of deleting an account: from now on nothing is written with the name.
UPDATE people SET name = '', disabled_at = coalesce(disabled_at, clock_timestamp()) WHERE email = :email RETURNING id, role, principal_id

-- name: delete(email)
-- The last step.
DELETE FROM people WHERE email = :email RETURNING role || ' ' || principal_id
