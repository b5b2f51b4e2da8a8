"""Lists of orders: sorting, pages, and cursors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from access.principal import Principal
from foundation.db import db
from foundation.errors import Forbidden, InvalidRequest
from orders import filters, json_sql, last_changes, searching
from orders.filters import Filters
from orders.queries import ended, side
from orders.workflow import Workflow


@dataclass(frozen=True)
class Sort:
    """A sort order that an index serves, and the position of the last order of a page in it."""

    columns: tuple[str, ...]
    last: tuple[str, ...]
    """SQL for the values of the columns."""

    descending: bool = False
    position: str = ""
    """What a position looks like that the id does not give; it is the text of the first column."""

    @property
    def order(self) -> str:
        return ", ".join(f"o.{column}{' DESC' if self.descending else ''}" for column in self.columns)

    @property
    def after(self) -> str:
        columns = ", ".join(f"o.{column}" for column in self.columns)
        return f"({columns}) {'<' if self.descending else '>'} ({', '.join(self.last)})"


SORTS = {
    "newest": Sort(("id",), (":last_id",), descending=True),
    "oldest": Sort(("id",), (":last_id",)),
    "number": Sort(("number", "id"), (":last", ":last_id"), position=r"[^\x00]{1,100}"),
    "total": Sort(
        ("total_minor", "id"), ("CAST(:last AS bigint)", ":last_id"), descending=True, position="-?[0-9]{1,18}"
    ),
    "due": Sort(
        ("due", "id"), ("CAST(:last AS timestamptz)", ":last_id"), position="infinity|[0-9]{4,6}-[0-9T:.+ -]{1,40}"
    ),
    "updated": Sort(("id",), (":last_id",), descending=True),
}
"""`updated` is sorted by the ids of events (orders/last_changes.py)."""

NAMED = ("due", "total", "updated")
"""Sorts whose cursors begin with their name."""

BY_DATE = ("created_at", "id"), ("(SELECT o.created_at FROM orders o WHERE o.id = :last_id AND {side})", ":last_id")
"""Not by id, where dates are filtered: the id is assigned when an order is created, which PostgreSQL does not know. To
find the first order before a date, it would read all after it."""

CURSOR = re.compile(r"(?:(due|total|updated)\.)?([0-9]{1,19})(?:~([^\x00]{1,100}))?")


@dataclass(frozen=True)
class Wanted(Filters):
    """Filters, sorting and page size."""

    sort: str = "newest"
    cursor: str = ""
    limit: int = 50


def check_wanted(workflow: Workflow, principal: Principal, wanted: Wanted) -> None:
    """Raises InvalidRequest for filters and a sort order that contradict each other, or that make no sense."""
    filters.check_statuses(workflow, wanted)
    if principal.buyer_id and (wanted.sort == "due" or wanted.late is not None):
        raise Forbidden("Buyers do not see when an order is due.")
    if wanted.sort == "due" and any(workflow.statuses[one].closed for one in wanted.statuses):
        raise InvalidRequest("Sorting by due lists open orders: a closed one is not due.")
    if wanted.sort == "number" and not (principal.seller_id or principal.buyer_id or wanted.seller_id):
        raise InvalidRequest("Sorting by number requires seller_id: numbers are unique per seller only.")


def page(workflow: Workflow, principal: Principal, wanted: Wanted) -> tuple[list[str], str | None]:
    """The orders as JSON texts, and the cursor of the next page; raises InvalidRequest for contradictory filters."""
    check_wanted(workflow, principal, wanted)
    after = _position(wanted)
    wanted = searching.planned(principal, wanted)
    if wanted.sort == "updated":
        rows, end = last_changes.last_changed(workflow, principal, wanted, wanted.limit, after.get("last_id"))
    else:
        sql, values = query(workflow, principal, wanted)
        found = db.session.execute(text(sql), values).all()
        rows, more = found[: wanted.limit], len(found) > wanted.limit
        end = (rows[-1].id, rows[-1].position) if more else None
    orders = [ended(row.head, workflow, row.status, principal) for row in rows]
    return orders, _cursor(wanted.sort, *end) if end else None


def query(workflow: Workflow, principal: Principal, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """The SQL and its parameters: id, position, status and text of the orders, one more than requested if there are
    more."""
    sort = _sort(principal, wanted)
    whole, values = filters.whole(workflow, principal, wanted)
    values |= _position(wanted)
    after = f" AND {sort.after}" if wanted.cursor else ""
    end = f"ORDER BY {sort.order} LIMIT :limit"
    columns = ", ".join(f"o.{column}" for column in sort.columns)
    source = DUE if wanted.sort == "due" else "orders o"
    parts = [f"SELECT {columns} FROM {source} WHERE {one}{after} {end}" for one in whole]
    page = parts[0] if len(parts) == 1 else f"SELECT * FROM (({') UNION ALL ('.join(parts)})) AS o {end}"
    # The texts are built for the orders of the page, not for all that were sorted.
    head = json_sql.order_head("o", json_sql.literal(principal.role))
    sql = f"""SELECT o.id, CAST(page.{sort.columns[0]} AS text) AS position, o.status, {head} AS head FROM (
            {page}) AS page
        JOIN orders o ON o.id = page.id ORDER BY {sort.order.replace("o.", "page.")}"""
    return sql, values | {"limit": wanted.limit + 1}


DUE = "(SELECT *, coalesce(due_at, 'infinity') AS due FROM orders WHERE open) AS o"
"""Open orders; those without a time are last."""


def _sort(principal: Principal, wanted: Wanted) -> Sort:
    if wanted.sort in ("newest", "oldest") and (wanted.placed_from or wanted.placed_until):
        columns, last = BY_DATE
        return Sort(columns, tuple(one.format(side=side(principal)) for one in last), wanted.sort == "newest")
    return SORTS[wanted.sort]


def _position(wanted: Wanted) -> dict[str, Any]:
    """Where the page begins: nothing for the first one; raises InvalidRequest for a cursor of another sort."""
    if not wanted.cursor:
        return {}
    position = SORTS[wanted.sort].position
    match = CURSOR.fullmatch(wanted.cursor)
    named = wanted.sort if wanted.sort in NAMED else None
    if match is None or match[1] != named or not 0 < int(match[2]) < 2**63 or bool(match[3]) != bool(position):
        raise _not_ours()
    if not re.fullmatch(position, match[3] or "") or (wanted.sort == "due" and not _is_time(match[3])):
        raise _not_ours()
    return {"last_id": int(match[2])} | ({"last": match[3]} if position else {})


def _is_time(text: str) -> bool:
    try:
        return text == "infinity" or bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _not_ours() -> InvalidRequest:
    return InvalidRequest("cursor: use the next_cursor of the previous page, with the same sort.")


def _cursor(sort: str, id: int, position: Any) -> str:
    written = f"{id}~{position}" if SORTS[sort].position else str(id)
    return f"{sort}.{written}" if sort in NAMED else written
