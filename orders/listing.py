"""Lists of orders: filters, sorting, and cursors.

Nothing here may need an index on a column that a status change writes, except the change to a final status. Open
statuses are searched among the open orders; a final one in the index of what orders were closed as; everything else
uses keys, search terms and dates, which never change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from access.principal import Principal
from foundation.db import db
from foundation.errors import InvalidRequest
from orders import json_sql
from orders.queries import ended, mine, side
from orders.workflow import Workflow


@dataclass(frozen=True)
class Sort:
    """A sort order that an index serves, and the position of the last order of a page in it."""

    columns: tuple[str, ...]
    last: tuple[str, ...]
    """SQL for the values of the columns."""

    descending: bool = False

    @property
    def order(self) -> str:
        return ", ".join(f"o.{column}{' DESC' if self.descending else ''}" for column in self.columns)

    @property
    def after(self) -> str:
        columns = ", ".join(f"o.{column}" for column in self.columns)
        return f"({columns}) {'<' if self.descending else '>'} ({', '.join(self.last)})"


SEARCHED = "o.id IN (SELECT w.order_id FROM order_search w WHERE w.document @@ search_query(:{}))"


BY_ID, BY_NUMBER = (("id",), (":last_id",)), (("number", "id"), (":last_number", ":last_id"))
BY_DATE = ("created_at", "id"), ("(SELECT o.created_at FROM orders o WHERE o.id = :last_id AND {side})", ":last_id")
"""Not by id, where dates are filtered: the id is assigned when an order is created, which PostgreSQL does not know. To
find the first order before a date, it would read all after it."""

ANY_UNFILLED = "(SELECT EXISTS (SELECT FROM orders u WHERE NOT u.open AND u.closed_as IS NULL))"
"""Whether a version that did not know the column has closed an order that is not filled yet. Asked first, by index:
PostgreSQL expects such orders where there are none, and may read all others to find a page of them."""

CURSOR = re.compile(r"([0-9]{1,19})(?:~([^\x00]{1,100}))?")


@dataclass(frozen=True)
class Wanted:
    """Filters, sorting and page size; None means no filter."""

    statuses: tuple[str, ...] = ()
    number: str | None = None
    seller_id: int | None = None
    buyer_id: int | None = None
    placed_from: datetime | None = None
    placed_until: datetime | None = None
    """Exclusive."""

    terms: str | None = None
    sort: str = "newest"
    cursor: str = ""
    limit: int = 50


def page(workflow: Workflow, principal: Principal, wanted: Wanted) -> tuple[list[str], str | None]:
    """The orders as JSON texts, and the cursor of the next page; raises InvalidRequest for contradictory filters."""
    unknown = [status for status in wanted.statuses if status not in workflow.statuses]
    if unknown:
        raise InvalidRequest(f"Unknown status {unknown[0][:50]!r}.", {"statuses": list(workflow.statuses)})
    if wanted.sort == "number" and not (principal.seller_id or principal.buyer_id or wanted.seller_id):
        raise InvalidRequest("Sorting by number requires seller_id: numbers are unique per seller only.")
    sql, values = query(workflow, principal, wanted)
    rows = db.session.execute(text(sql), values).all()
    orders = [ended(head, workflow, status, principal) for _, _, status, head in rows[: wanted.limit]]
    return orders, _cursor(wanted, rows[wanted.limit - 1]) if len(rows) > wanted.limit else None


def query(workflow: Workflow, principal: Principal, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """The SQL and its parameters: id, number, status and text of the orders, one more than requested if there are
    more."""
    sort = _sort(principal, wanted)
    conditions, values = _conditions(principal, wanted)
    if wanted.cursor:
        conditions.append(sort.after)
        values |= _position(wanted)
    end = f"ORDER BY {sort.order} LIMIT :limit"
    columns = ", ".join(f"o.{column}" for column in sort.columns)
    parts = []
    for part, value in _by_status(workflow, wanted.statuses):
        values |= value
        parts.append(f"SELECT {columns} FROM orders o WHERE {' AND '.join([*conditions, *part]) or 'true'} {end}")
    page = parts[0] if len(parts) == 1 else f"SELECT * FROM (({') UNION ALL ('.join(parts)})) AS o {end}"
    # The texts are built for the orders of the page, not for all that were sorted.
    sql = f"""SELECT o.id, o.number, o.status, {json_sql.order_head("o")} FROM (
            {page}) AS page
        JOIN orders o ON o.id = page.id ORDER BY {sort.order}"""
    return sql, values | {"limit": wanted.limit + 1}


def _sort(principal: Principal, wanted: Wanted) -> Sort:
    if wanted.sort == "number":
        return Sort(*BY_NUMBER)
    columns, last = BY_DATE if wanted.placed_from or wanted.placed_until else BY_ID
    return Sort(columns, tuple(one.format(side=side(principal)) for one in last), wanted.sort == "newest")


def _conditions(principal: Principal, wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    """SQL over `o`, only for the given filters, so that each combination gets its own plan."""
    values = {name: value for name, value in mine(principal).items() if value is not None}
    conditions = [side(principal)] if values else []
    for sql, name, value in _limits(principal, wanted):
        if value is not None:
            conditions.append(sql)
            values[name] = value
    return conditions, values


def _by_status(workflow: Workflow, statuses: tuple[str, ...]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Conditions that no order meets twice, each served by one index: PostgreSQL would look for one of several statuses
    among all orders."""
    finals = [status for status in dict.fromkeys(statuses) if workflow.statuses[status].final]
    if not statuses:
        yield [], {}
    if others := [status for status in statuses if status not in finals]:
        yield ["o.open", "o.status = ANY(:statuses)"], {"statuses": others}
    for number, status in enumerate(finals):
        yield ["NOT o.open", f"o.closed_as = :final_{number}"], {f"final_{number}": status}
    if finals:
        yield [ANY_UNFILLED, "NOT o.open", "o.closed_as IS NULL", "o.status = ANY(:finals)"], {"finals": finals}


def _limits(principal: Principal, wanted: Wanted) -> Iterator[tuple[str, str, Any]]:
    number = "o.number = :number"
    if not principal.seller_id and not wanted.seller_id:
        number += f" AND {SEARCHED.format('number')}"  # the index of numbers starts with the seller
    yield number, "number", wanted.number
    yield "o.seller_id = :seller_id", "seller_id", wanted.seller_id
    yield "o.buyer_id = :buyer_id", "buyer_id", wanted.buyer_id
    yield "o.created_at >= :placed_from", "placed_from", wanted.placed_from
    yield "o.created_at < :placed_until", "placed_until", wanted.placed_until
    yield SEARCHED.format("terms"), "terms", wanted.terms


def _position(wanted: Wanted) -> dict[str, Any]:
    match = CURSOR.fullmatch(wanted.cursor)
    if match is None or (match[2] is not None) != (wanted.sort == "number") or not 0 < int(match[1]) < 2**63:
        raise InvalidRequest("cursor: use the next_cursor of the previous page, with the same sort.")
    return {"last_id": int(match[1])} | ({"last_number": match[2]} if match[2] else {})


def _cursor(wanted: Wanted, last: Any) -> str:
    return f"{last.id}~{last.number}" if wanted.sort == "number" else str(last.id)
