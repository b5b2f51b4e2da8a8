"""API keys: shown once, stored as a hash, limited to scopes, valid until they expire or are revoked.

A key may create keys with at most its own rights: same principal, no additional scope, no later expiry. Such a key is
revoked together with its parent and all earlier ancestors.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from access.credential_cache import Credential
from access.principal import Principal, Role
from access.revocations import REVOKE, Revocations
from foundation import clock, sql
from foundation.db import commit, db
from foundation.errors import Forbidden, NotFound, Unauthorized

MARK = "onward_"
"""The prefix of every key: no token starts like this, and secret scanners can recognise a leaked key."""

NAME_PREFIX = "key:"
"""The prefix of a key's credential name; the ids of its ancestors and its own follow, separated by dots."""

MOST_ANCESTORS = 7
"""Maximum depth of keys that create keys: the credential name grows with it, and nobody needs more."""

OVERSEEING: tuple[Role, ...] = ("operator", "auditor")
"""Roles whose credentials an API key cannot end, except its own: a leaked key must not lock out those who would
end it."""

TRUST_SECONDS = 60
"""How long a verified key is cached without asking the database again, and the precision of `last_used_at`. A revoked
key is dropped from the cache within a second, as tokens are."""

SQL = sql.beside(__file__)
USE = SQL.text("use")
ADD_KEY = SQL.text("add")
HOLD = SQL.text("hold")
LIST_KEYS = SQL.text("list")
ERASE_NAMES = SQL.text("erase_names")
MADE_BY = SQL.text("made_by")
NAME = SQL.text("name")
FIND_KEY = SQL.text("find")
TAKE_BACK = SQL.text("take_back")


@dataclass(frozen=True)
class NewKey:
    """The key to create."""

    name: str
    role: Role
    principal_id: int
    scopes: tuple[str, ...]
    expires_at: datetime | None = None


def create(new: NewKey, actor: str, maker: Principal | None = None) -> tuple[int, str]:
    """Create a key; returns its id and its text, which cannot be shown again. Raises Forbidden if the maker's own key
    does not allow it."""
    if maker is not None:
        _judge(maker, new)
    prefix = MARK + secrets.token_hex(4)
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    values = {"hash": _hash(key), "prefix": prefix, "actor": actor, **vars(new), "scopes": list(new.scopes)}
    values |= {"ancestors": lineage(maker), "demo": maker is not None and maker.demo}
    id: int = db.session.execute(ADD_KEY, values).scalar_one()
    commit()
    return id, key


def _judge(maker: Principal, new: NewKey) -> None:
    """Raises Forbidden for a key with more rights than its maker's, or for another operator's id."""
    if new.role == maker.role and new.principal_id != maker.id:
        raise Forbidden(f"A key with the role {new.role} can only have your own id, {maker.id}.")
    if maker.scopes is None:
        return
    if new.role != maker.role or not maker.scopes.issuperset(new.scopes):
        raise Forbidden("A key cannot create a key with more rights than its own.")
    ends = new.expires_at.timestamp() if new.expires_at else float("inf")
    if maker.expires_at is not None and ends > maker.expires_at:
        until = datetime.fromtimestamp(int(maker.expires_at), UTC).isoformat()
        raise Forbidden(f"A key cannot create a key that outlives it: this one expires at {until}. Request fewer days.")
    if len(lineage(maker)) > MOST_ANCESTORS:
        raise Forbidden(f"This key has {MOST_ANCESTORS} ancestors already and cannot create further keys.")


def lineage(maker: Principal | None) -> list[int]:
    """The ids of the keys behind this principal, from the first ancestor to its own; empty without a key."""
    if maker is None or not maker.credential.startswith(NAME_PREFIX):
        return []
    return [int(id) for id in maker.credential.removeprefix(NAME_PREFIX).split(".")]


def acting(principal: Principal) -> dict[str, Any] | None:
    """The id and the name of the key by which this principal acts; None without a key."""
    id = next(reversed(lineage(principal)), None)
    return {"id": id, "name": db.session.execute(NAME, {"id": id}).scalar()} if id else None


def hold(ids: list[int]) -> bool:
    """Whether none of these keys was revoked."""
    return bool(db.session.execute(HOLD, {"ids": ids}).scalar_one())


def listed() -> list[dict[str, Any]]:
    """All keys, newest first, without the secrets."""
    return [dict(row._mapping) for row in db.session.execute(LIST_KEYS)]


def erase_names(role: Role, principal_id: int) -> None:
    """Erase the names of this principal's keys; committed together with the caller's next changes."""
    db.session.execute(ERASE_NAMES, {"role": role, "id": principal_id})


def made_by(actor: str) -> list[int]:
    """The ids of the valid keys that this actor has created."""
    return list(db.session.scalars(MADE_BY, {"actor": actor}))


def end(id: int, actor: str, reason: str, revoker: Principal | None = None) -> int:
    """Revoke a key and all keys created with it; returns how many. Raises NotFound if there is no valid key with this
    id.

    Raises Forbidden if the request comes with an API key, and this is an operator's key that it has not created.
    """
    found = db.session.execute(FIND_KEY, {"id": id}).one_or_none()
    if found is None:
        raise NotFound("No such key, or it is already revoked.")
    path, role = found
    own = lineage(revoker)
    if own and role in OVERSEEING and own[-1] not in path:
        raise Forbidden("An API key cannot end a key of an operator or auditor, except itself and the keys it created.")
    count: int = db.session.execute(TAKE_BACK, {"id": id}).rowcount  # type: ignore[attr-defined]
    # Keys created with it contain its name in theirs, so they are revoked with it, even one created at this very
    # moment.
    db.session.execute(REVOKE, {"subject": credential_name(path), "actor": actor, "reason": reason})
    commit()
    return count


def verify(key: str, revocations: Revocations, demo: bool) -> Credential:
    """The principal of this key; raises Unauthorized. Keys of the demo are valid only while there is a demo."""
    row = db.session.execute(USE, {"hash": _hash(key), "demo": demo}).one_or_none()
    db.session.commit()
    if row is None:
        raise Unauthorized("The key is not valid.")
    path, role, subject, scopes, of_demo, created_at, expires_at = row
    ends = float(expires_at) if expires_at is not None else None
    principal = Principal(
        role,
        subject,
        ends,
        credential=credential_name(path),
        scopes=frozenset(scopes),
        demo=of_demo,
        via=f"{NAME_PREFIX}{path[-1]}",
    )
    if revocations.refuse(principal, float(created_at)):
        raise Unauthorized("The key was revoked.")
    return Credential(principal, min(clock.unix_seconds() + TRUST_SECONDS, ends or float("inf")))


def credential_name(path: list[int]) -> str:
    """The name by which the credential of a key can be revoked, given its ancestors and itself; empty for none."""
    return NAME_PREFIX + ".".join(map(str, path)) if path else ""


def _hash(key: str) -> bytes:
    """Its 256 random bits cannot be guessed, so a fast hash is enough; passwords are another matter."""
    return hashlib.sha256(key.encode()).digest()
