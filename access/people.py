"""Accounts with a password: creating, changing and disabling them, and choosing a password."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, NoReturn

from sqlalchemy.exc import IntegrityError

from access import passwords, throttle
from access.passwords import LEAST_CHARACTERS, MOST_CHARACTERS
from access.principal import Principal, Role
from access.revocations import REVOKE
from access.throttle import Origin
from foundation import sql
from foundation.db import commit, db
from foundation.errors import InvalidRequest, NotFound, Unauthorized
from foundation.languages import N_

SIGNING_IN: tuple[Role, ...] = ("buyer", "seller", "operator", "auditor")
"""Roles for people; other systems have keys."""

SQL = sql.beside(__file__)
BY_EMAIL = SQL.text("by_email")
BY_ID = SQL.text("by_id")
BY_SESSION = SQL.text("by_session")
ADD_PERSON = SQL.text("add")
LIST_PEOPLE = SQL.text("list")
EXPORT = SQL.text("export")
ERASE = SQL.text("erase")
SIGNED_IN = SQL.text("signed_in")
SET_PASSWORD = SQL.text("set_password")
DISABLE = SQL.text("disable")
CHANGE = SQL.text("change")
SIGN_OUT = SQL.text("sign_out")
EMPTY = SQL.text("empty")
DELETE = SQL.text("delete")
KNOWN = SQL.text("known")
ENABLE = SQL.text("enable")


@dataclass(frozen=True)
class Person:
    """An account."""

    id: int
    email: str
    name: str
    role: Role
    principal_id: int
    password: str | None
    session_key: str

    @property
    def principal(self) -> Principal:
        credential = _credential_name(self.session_key)
        return Principal(
            self.role,
            self.principal_id,
            from_session=True,
            name=self.name,
            credential=credential,
            via=f"person:{self.id}",
        )


def add(email: str, name: str, role: Role, principal_id: int) -> Person:
    """Add an account whose password is still to be chosen; raises InvalidRequest if the address is taken."""
    values = {
        "email": plain(email),
        "name": name,
        "role": role,
        "principal_id": principal_id,
        "session_key": _new_key(),
    }
    try:
        row = db.session.execute(ADD_PERSON, values).one()
    except IntegrityError as error:
        db.session.rollback()
        raise InvalidRequest("An account with this e-mail address already exists.") from error
    commit()
    return Person(*row)


def everyone(role: str | None = None, principal_id: int | None = None) -> list[dict[str, Any]]:
    """The newest accounts, without hashes and keys: all, or those with this role, or this id."""
    return [dict(row._mapping) for row in db.session.execute(LIST_PEOPLE, {"role": role, "id": principal_id})]


def by_id(id: int) -> Person:
    """The account with this id, disabled or not; raises NotFound."""
    row = db.session.execute(BY_ID, {"id": id}).one_or_none()
    if row is None:
        raise NotFound("No account with this id.")
    return Person(*row)


def by_email(email: str) -> Person | None:
    row = db.session.execute(BY_EMAIL, {"email": plain(email)}).one_or_none()
    return Person(*row) if row else None


def by_session(session_key: str) -> Person | None:
    """The person of this session, unless it has ended: the password was changed, or the account disabled."""
    row = db.session.execute(BY_SESSION, {"session_key": session_key}).one_or_none()
    return Person(*row) if row else None


def verify_sign_in(email: str, password: str, origin: Origin) -> Person:
    """The person who signs in; raises Unauthorized with one message for every failure, TooManyRequests after too
    many."""
    email = plain(email)
    throttle.count_try(email, origin)
    person = by_email(email)
    db.session.rollback()  # another greenlet gets the connection while argon2 works
    right = passwords.matches(person.password if person else None, password)
    if person is None or not right:
        raise Unauthorized(N_("Wrong e-mail address or password."))
    throttle.forget_tries(email, origin)
    db.session.execute(SIGNED_IN, {"id": person.id})
    db.session.commit()
    return person


def set_password(person: Person, password: str) -> None:
    """Set the password, and end every session and link of this person; raises InvalidRequest for one that is too
    short."""
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise InvalidRequest(f"A password must have {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters.")
    values = {"password": passwords.hashed(password), "new": _new_key()}
    changed = db.session.execute(SET_PASSWORD, values | {"id": person.id, "session_key": person.session_key}).scalar()
    if changed is None:
        raise NotFound(N_("This link is no longer valid. Ask for a new one."))
    _end_sessions(person.session_key, f"person {person.id}", "a new password")


def change(email: str, role: Role, principal_id: int, actor: str) -> None:
    """Change the role and id of an account, and end its sessions; raises NotFound if there is none."""
    values = {"email": plain(email), "role": role, "principal_id": principal_id, "new": _new_key()}
    session_key = db.session.execute(CHANGE, values).scalar() or missing(email)
    _end_sessions(session_key, actor, f"is {role} {principal_id} now")


def disable(email: str, actor: str, reason: str) -> str:
    """Disable an account, and end its sessions; returns its principal (`seller 7`).

    Raises NotFound if there is no such account.
    """
    row = db.session.execute(DISABLE, {"email": plain(email), "new": _new_key()}).one_or_none()
    session_key, who = row or missing(email)
    _end_sessions(session_key, actor, reason)
    return str(who)


def enable(email: str) -> None:
    """Enable a disabled account; raises NotFound if there is none."""
    if db.session.execute(ENABLE, {"email": plain(email)}).scalar() is None:
        missing(email, "is not disabled")
    commit()


def end_sessions(email: str, actor: str, reason: str) -> None:
    """End every session of an account, and its links; raises NotFound if there is none."""
    session_key = db.session.execute(SIGN_OUT, {"email": plain(email), "new": _new_key()}).scalar() or missing(email)
    _end_sessions(session_key, actor, reason)


def empty(email: str) -> tuple[int, str, int]:
    """Take the name out of an account that is to be deleted, and disable it; returns its id, role and principal's id.

    Raises NotFound if there is no such account.
    """
    row = db.session.execute(EMPTY, {"email": plain(email)}).one_or_none()
    id, role, principal_id = row or missing(email)
    commit()
    return id, role, principal_id


def delete(email: str) -> str:
    """Delete an account; returns its principal (`seller 7`). Committed with the caller's next changes.

    Raises NotFound if there is no such account.
    """
    return str(db.session.execute(DELETE, {"email": plain(email)}).scalar() or missing(email))


def missing(email: str, otherwise: str = "is disabled") -> NoReturn:
    """Raises NotFound for an account that is missing or in another state than expected."""
    known = db.session.execute(KNOWN, {"email": plain(email)}).scalar_one()
    db.session.rollback()
    raise NotFound(f"{plain(email)} {otherwise}." if known else f"No account with the e-mail address {plain(email)}.")


def erase(role: Role, principal_id: int) -> int:
    """Delete the accounts of this principal; committed together with the caller's next changes."""
    count: int = db.session.execute(ERASE, {"role": role, "id": principal_id}).rowcount  # type: ignore[attr-defined]
    return count


def export(role: Role, principal_id: int) -> list[dict[str, Any]]:
    """The accounts of this principal, without hashes and keys."""
    return [dict(row._mapping) for row in db.session.execute(EXPORT, {"role": role, "id": principal_id})]


def plain(email: str) -> str:
    """An address as it is stored and compared."""
    return email.strip().lower().replace("\x00", "")


def _end_sessions(session_key: str, actor: str, reason: str) -> None:
    """Revoke what processes have cached of the sessions; their session key no longer exists."""
    db.session.execute(REVOKE, {"subject": _credential_name(session_key), "actor": actor, "reason": reason})
    commit()


def _credential_name(session_key: str) -> str:
    return "session:" + hashlib.sha256(session_key.encode()).hexdigest()[:32]


def _new_key() -> str:
    return secrets.token_urlsafe(16)
