"""Fill columns that a migration has added, for orders from before it: in pieces, while the service runs."""

from __future__ import annotations

from foundation import sql
from foundation.db import PIECE, db

SQL = sql.beside(__file__)
CLOSED_AS = SQL.text("closed_as")


def fill_closed_as() -> int:
    """Fill a piece of the closed orders that do not say as what; returns how many there were.

    A process of the version before closes orders without saying so as long as it runs, so this is never over for sure;
    looking costs a page of an index.
    """
    count: int = db.session.execute(CLOSED_AS, {"piece": PIECE}).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return count
