"""The conversations of a shop's orders, or of all, as a list: what is unread first."""

from __future__ import annotations

from typing import Any

from access.principal import Principal
from foundation import sql
from foundation.db import db

NEWEST_ORDERS = 2_000
"""Orders, the newest, whose conversations are looked at: each by its key, some 10 us."""

MOST_CONVERSATIONS = 100
"""Conversations that are shown."""

SQL = sql.beside(__file__)
OF_SELLER = SQL.text("of_seller")
OF_ALL = SQL.text("of_all")


def conversations(principal: Principal) -> list[dict[str, Any]]:
    """The order, the newest message of a person, and whether this reader has not seen it, of each conversation."""
    values = {
        "role": principal.role,
        "id": principal.id,
        "via": principal.via or "",
        "newest": NEWEST_ORDERS,
        "most": MOST_CONVERSATIONS,
    }
    if principal.seller_id:
        found = db.session.execute(OF_SELLER, values | {"seller": principal.seller_id})
    else:
        found = db.session.execute(OF_ALL, values)
    return [dict(row) for row in found.mappings()]
