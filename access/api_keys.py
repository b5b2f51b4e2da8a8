"""Keys for other systems: shown once, kept as a hash, limited to scopes, good until they expire or are revoked.

A key may make keys, and none that is stronger: same principal, no scope and no day more. Such a key falls with the one
that it was made with, and with the ones before.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from access.principal import Principal, Role
from access.revocations import REVOKE, Revocations
from access.tokens import Proof
from foundation import clock, sql
from foundation.db import commit, db
from foundation.errors import Forbidden, NotFound, Unauthorized

MARK = "onward_"
"""What every key begins with: a token never does, and a leaked one is recognised."""

PROOF = "key:"
"""What the name of a key's proof begins with; its ancestors' ids and its own follow, with points between."""

MOST_ANCESTORS = 7
"""A key that makes a key that makes a key …: their names grow, and nobody needs that."""

OVERSEEING: tuple[Role, ...] = ("operator", "auditor")
"""Whose proofs no key takes back but its own: a leaked one must not put out those who would end it."""

TRUST_SECONDS = 60
"""How long a key is believed without asking the database again, and how exact `last_used_at` is. A revoked one is
forgotten within a second, as tokens are."""

SQL = sql.beside(__file__)
USE = SQL.text("use")
ADD = SQL.text("add")
HOLD = SQL.text("hold")
LIST = SQL.text("list")
MADE_BY = SQL.text("made_by")
FIND = SQL.text("find")
TAKE_BACK = SQL.text("take_back")


@dataclass(frozen=True)
class NewKey:
    """What a key is to be good for."""

    name: str
    role: Role
    principal_id: int
    scopes: tuple[str, ...]
    expires_at: datetime | None = None


def add(new: NewKey, actor: str, maker: Principal | None = None) -> tuple[int, str]:
    """Make a key; its id, and its text, which nobody can be told a second time. Forbidden when the maker, if it is no
    command, may not make such a one."""
    if maker is not None:
        _judge(maker, new)
    prefix = MARK + secrets.token_hex(4)
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    values = {"hash": _hash(key), "prefix": prefix, "actor": actor, **vars(new), "scopes": list(new.scopes)}
    values |= {"ancestors": lineage(maker), "demo": maker is not None and maker.demo}
    id: int = db.session.execute(ADD, values).scalar_one()
    commit()
    return id, key


def _judge(maker: Principal, new: NewKey) -> None:
    """Raises Forbidden for a key that would be stronger than its maker, or speak as another operator."""
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
    """The ids of the keys behind this principal, from the first to the one that it came with; none without a key."""
    if maker is None or not maker.proof.startswith(PROOF):
        return []
    return [int(id) for id in maker.proof.removeprefix(PROOF).split(".")]


def hold(ids: list[int]) -> bool:
    """Whether none of these keys was revoked."""
    return bool(db.session.execute(HOLD, {"ids": ids}).scalar_one())


def list_all() -> list[dict[str, Any]]:
    """All keys, newest first, without what would let anybody use them."""
    return [dict(row._mapping) for row in db.session.execute(LIST)]


def made_by(actor: str) -> list[int]:
    """The ids of the keys that this actor has made and that are still good."""
    return list(db.session.scalars(MADE_BY, {"actor": actor}))


def revoke(id: int, actor: str, reason: str, revoker: Principal | None = None) -> int:
    """End a key now, and all that were made with it; returns how many. NotFound when there is none with this id that is
    not revoked.

    Forbidden when it is asked for with a key, and this is an operator's that it has not made.
    """
    found = db.session.execute(FIND, {"id": id}).one_or_none()
    if found is None:
        raise NotFound("No such key, or it is already revoked.")
    path, role = found
    own = lineage(revoker)
    if own and role in OVERSEEING and own[-1] not in path:
        raise Forbidden(
            "An API key cannot revoke a key of an operator or auditor, except itself and the keys it created."
        )
    count: int = db.session.execute(TAKE_BACK, {"id": id}).rowcount  # type: ignore[attr-defined]
    # Those that were made with it have its name in theirs: they fall with it, also one that is made at this moment.
    db.session.execute(REVOKE, {"subject": _proof(path), "actor": actor, "reason": reason})
    commit()
    return count


def verify(key: str, revocations: Revocations, demo: bool) -> Proof:
    """Whose key this is; raises Unauthorized. Those of a demo need that there is one."""
    row = db.session.execute(USE, {"hash": _hash(key), "demo": demo}).one_or_none()
    db.session.commit()
    if row is None:
        raise Unauthorized("The key is not valid.")
    path, role, subject, scopes, of_demo, created_at, expires_at = row
    ends = float(expires_at) if expires_at is not None else None
    principal = Principal(role, subject, ends, proof=_proof(path), scopes=frozenset(scopes), demo=of_demo)
    if revocations.refuse(principal, float(created_at)):
        raise Unauthorized("The key was revoked.")
    return Proof(principal, min(clock.unix_seconds() + TRUST_SECONDS, ends or float("inf")))


def _proof(path: list[int]) -> str:
    return PROOF + ".".join(map(str, path))


def _hash(key: str) -> bytes:
    """Its 256 bits of chance cannot be guessed, so a fast hash is enough; passwords are another matter."""
    return hashlib.sha256(key.encode()).digest()
