"""Orders in the order of their last change, without an index that a change would have to write.

The history has it: the last event of an order is its last change, and events are numbered as they come. Of few orders
the last event of each is looked up. Where there are many, the newest events are read until there is a page of orders:
at most `WINDOW` of them, so a page may be short although another one follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from access.principal import Principal
from orders import filters, json_sql, queries
from orders.filters import Filters
from orders.workflow import Workflow

FEW = 1000
"""Orders whose last events are looked up, some 5 us each."""

WINDOW = 20_000
"""Events that one page reads at most: some 50 ms, where none of them belongs to an order that is wanted."""

LARGEST = 2**63 - 1

Rows = tuple[Sequence[Any], tuple[int, int] | None]
"""Rows with id, position, status and head, and where the next page begins."""


def last_changed(workflow: Workflow, principal: Principal, wanted: Filters, limit: int, before: int | None) -> Rows:
    """The orders that were changed last, before this event."""
    values = {"before": before or LARGEST, "limit": limit + 1, "few": FEW + 1, "window": WINDOW}
    whole, more = filters.whole(workflow, principal, wanted)
    values |= more
    if queries.rows(count(whole), values)[0][0] <= FEW:
        return _page(queries.rows(of_few(principal, whole), values), limit)
    rows, end = _page(queries.rows(of_many(principal, wanted, whole), values), limit)
    if end is None and (last := queries.rows(WINDOW_END, values)):
        end = (last[0][0], last[0][0])
    return rows, end


def _page(found: Sequence[Any], limit: int) -> Rows:
    rows = found[:limit]
    return rows, (rows[-1].position, rows[-1].position) if len(found) > limit else None


def count(whole: list[str]) -> str:
    """SQL for the number of orders, as far as it matters."""
    parts = [f"(SELECT o.id FROM orders o WHERE {one} LIMIT :few)" for one in whole]
    return f"SELECT count(*) FROM ({' UNION ALL '.join(parts)}) AS o"


def of_few(principal: Principal, whole: list[str]) -> str:
    """SQL that looks up the last event of each."""
    parts = [f"(SELECT o.id, o.version FROM orders o WHERE {one} LIMIT :few)" for one in whole]
    return _with_heads(
        principal,
        f"""SELECT o.id, e.id AS position FROM ({" UNION ALL ".join(parts)}) AS o
            JOIN order_events e ON e.order_id = o.id AND e.version = o.version
            WHERE e.id < :before ORDER BY e.id DESC LIMIT :limit""",
    )


def of_many(principal: Principal, wanted: Filters, whole: list[str]) -> str:
    """SQL that reads the newest events, and keeps those that are the last of an order that is wanted."""
    seller = ":seller" if principal.seller_id else ":seller_id" if wanted.seller_id else ""
    parts = [f"({one})" for one in whole]
    return _with_heads(
        principal,
        f"""SELECT o.id, e.id AS position FROM (
                SELECT id, order_id, version, seller_id FROM order_events WHERE id < :before
                ORDER BY id DESC LIMIT :window) AS e
            JOIN orders o ON o.id = e.order_id AND o.version = e.version
            WHERE {f"e.seller_id = {seller} AND " if seller else ""}({" OR ".join(parts)})
            ORDER BY e.id DESC LIMIT :limit""",
    )


WINDOW_END = """SELECT min(id) FROM (SELECT id FROM order_events WHERE id < :before ORDER BY id DESC LIMIT :window) AS e
    HAVING count(*) = :window"""


def _with_heads(principal: Principal, page: str) -> str:
    head = json_sql.order_head("o", json_sql.literal(principal.role))
    return f"""SELECT o.id, page.position, o.status, {head} AS head FROM (
            {page}) AS page
        JOIN orders o ON o.id = page.id ORDER BY page.position DESC"""
