"""Fill columns that a migration has added, for orders from before it: in pieces, while the service runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from foundation import sql
from foundation.db import db, one_piece
from orders import search

FOLDED = 100
"""Orders whose search terms are folded in one piece: some 10 ms of Python, during which nobody else has a turn."""

SQL = sql.beside(__file__)
CLOSED_AS = SQL.text("closed_as")
UNFOLDED = SQL.text("unfolded")
LOCK_SEARCH = SQL.text("lock_search")
SEARCHABLE = SQL.text("searchable")
FOLD = SQL.text("fold")


def fill_closed_as() -> int:
    """Fill a piece of the closed orders that do not say as what; returns how many there were.

    A process of the version before closes orders without saying so as long as it runs, so this is never over for sure;
    looking costs a page of an index.
    """
    return one_piece(CLOSED_AS)


def fold_search() -> int:
    """Fold the search terms of a piece of the orders whose terms a trigger wrote; returns how many there were."""
    orders = db.session.scalars(UNFOLDED, {"piece": FOLDED}).all()
    _write(orders)
    db.session.commit()
    return len(orders)


def refold(order_id: int) -> None:
    """Write what this order is found by, after its members were changed; committed with the caller's changes."""
    _write(db.session.scalars(LOCK_SEARCH, {"order": order_id}).all())


def _write(orders: Sequence[int]) -> None:
    """Of orders whose search terms are locked: whoever changes one now marks it afterwards, and it is folded again."""
    if orders:
        found: dict[int, Any] = dict(map(tuple, db.session.execute(SEARCHABLE, {"orders": list(orders)})))
        documents = [{"id": id, "terms": search.terms(found.get(id, {}))} for id in orders]
        db.session.execute(FOLD, {"documents": orjson.dumps(documents).decode()})
