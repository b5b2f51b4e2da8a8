"""Which of some orders have an e-mail that could not be delivered."""

from __future__ import annotations

from collections.abc import Sequence

from foundation import sql
from foundation.db import db

LATEST_CHANGES = 4
"""Changes of each order that are looked at: what failed before them is history."""

SQL = sql.beside(__file__, latest=LATEST_CHANGES)
UNDELIVERED = SQL.text("undelivered")


def undelivered(order_ids: Sequence[int]) -> set[int]:
    """Those of these orders, which their reader may see, of whose latest changes an e-mail was given up."""
    return set(db.session.scalars(UNDELIVERED, {"ids": list(order_ids)}))
