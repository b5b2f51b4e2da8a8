"""The profile of a seller: how a shop is named and shown to buyers, and the address to which they reply."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from access.principal import Principal
from foundation import sql
from foundation.db import commit, db
from foundation.errors import AppError, Forbidden, NotFound

SQL = sql.beside(__file__)
GET_SELLER = SQL.text("get")
SELLER_NAMES = SQL.text("names")
SELLER_VERSION = SQL.text("version")
SET_SELLER = SQL.text("set")

WRITING = ("operator", "service")
"""Roles that write every seller's profile; a seller writes its own."""

READING_ADDRESSES = (*WRITING, "auditor")
"""Roles that read every seller's reply address; a seller reads its own, and buyers answer the mail."""


class StaleProfile(AppError):
    """The profile has changed since the version in If-Match."""

    code, status = "stale_profile", 412
    sentence = "The profile was changed by somebody else: read it again."


def seller(principal: Principal, seller_id: int) -> dict[str, Any]:
    """A seller's profile as this reader sees it; raises NotFound if it has none."""
    row = db.session.execute(GET_SELLER, {"id": seller_id}).one_or_none()
    if row is None:
        raise NotFound("This seller has no profile.")
    found = dict(row._mapping)
    if principal.role not in READING_ADDRESSES and principal.seller_id != seller_id:
        found["reply_to"] = None
    return found


def name_of(seller_id: int) -> str | None:
    """The name of the shop, if it has given itself one."""
    row = shown(seller_id)
    return str(row.name) if row else None


def shown(seller_id: int) -> Any:
    """The row of a shop, with what everybody may see of it; None if it has no profile."""
    return db.session.execute(GET_SELLER, {"id": seller_id}).one_or_none()


def names_of(seller_ids: Collection[int]) -> dict[int, str]:
    """The names of these shops, of those that have given themselves one."""
    rows = db.session.execute(SELLER_NAMES, {"ids": list(seller_ids)}) if seller_ids else ()
    return {row.id: row.name for row in rows}


def set_seller(
    principal: Principal, seller_id: int, given: Mapping[str, Any], matches: Callable[[int | None], bool]
) -> None:
    """Write a seller's profile; raises Forbidden for somebody else's, and StaleProfile unless its version, None if it
    has none, `matches`."""
    if principal.role not in WRITING and principal.seller_id != seller_id:
        raise Forbidden("A seller's profile is written by the seller, and by operators.")
    if not matches(db.session.execute(SELLER_VERSION, {"id": seller_id}).scalar()):
        raise StaleProfile
    db.session.execute(SET_SELLER, {**given, "id": seller_id})
    commit()
