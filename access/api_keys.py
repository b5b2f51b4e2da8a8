"""Keys for other systems: shown once, kept as a hash, limited to scopes, good until they expire or are revoked."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from access.principal import Principal, Role
from access.revocations import REVOKE, Revocations
from access.tokens import Proof
from foundation import clock
from foundation.db import commit, db
from foundation.errors import NotFound, Unauthorized

MARK = "onward_"
"""What every key begins with: a token never does, and a leaked one is recognised."""

TRUST_SECONDS = 60
"""How long a key is believed without asking the database again, and how exact `last_used_at` is. A revoked one is
forgotten within a second, as tokens are."""

USE = text(
    """UPDATE api_keys SET last_used_at = clock_timestamp()
    WHERE hash = :hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
    RETURNING id, role, subject_id, scopes, extract(epoch FROM created_at), extract(epoch FROM expires_at)"""
)
ADD = text(
    """INSERT INTO api_keys (hash, prefix, name, role, subject_id, scopes, expires_at, actor)
    VALUES (:hash, :prefix, :name, :role, :subject_id, :scopes, :expires_at, :actor) RETURNING id"""
)
LIST = text(
    """SELECT id, prefix, name, role, subject_id, scopes, actor, created_at, expires_at, last_used_at, revoked_at
    FROM api_keys ORDER BY id DESC LIMIT 1000"""
)
TAKE_BACK = text(
    "UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = :id AND revoked_at IS NULL RETURNING id"
)


@dataclass(frozen=True)
class NewKey:
    """What a key is to be good for."""

    name: str
    role: Role
    subject_id: int
    scopes: tuple[str, ...]
    expires_at: datetime | None = None


def add(new: NewKey, actor: str) -> tuple[int, str]:
    """Make a key; its id, and its text, which nobody can be told a second time."""
    prefix = MARK + secrets.token_hex(4)
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    values = {"hash": _hash(key), "prefix": prefix, "actor": actor, **vars(new), "scopes": list(new.scopes)}
    id: int = db.session.execute(ADD, values).scalar_one()
    commit()
    return id, key


def list_all() -> list[dict[str, Any]]:
    """All keys, newest first, without what would let anybody use them."""
    return [dict(row._mapping) for row in db.session.execute(LIST)]


def revoke(id: int, actor: str, reason: str) -> None:
    """End a key now; NotFound when there is none with this id that is not revoked."""
    if db.session.execute(TAKE_BACK, {"id": id}).scalar() is None:
        raise NotFound("There is no such key, or it is revoked already.")
    db.session.execute(REVOKE, {"subject": f"key:{id}", "actor": actor, "reason": reason})
    commit()


def verify(key: str, revocations: Revocations) -> Proof:
    """Whose key this is; raises Unauthorized."""
    row = db.session.execute(USE, {"hash": _hash(key)}).one_or_none()
    db.session.commit()
    if row is None:
        raise Unauthorized("The key is not valid.")
    id, role, subject, scopes, created_at, expires_at = row
    ends = float(expires_at) if expires_at is not None else None
    principal = Principal(role, subject, ends, proof=f"key:{id}", scopes=frozenset(scopes))
    if revocations.refuse(principal, float(created_at)):
        raise Unauthorized("The key was revoked.")
    return Proof(principal, min(clock.unix_seconds() + TRUST_SECONDS, ends or float("inf")))


def _hash(key: str) -> bytes:
    """Its 256 bits of chance cannot be guessed, so a fast hash is enough; passwords are another matter."""
    return hashlib.sha256(key.encode()).digest()
