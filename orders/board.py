"""The board: pages of the open orders in a status, how many there are in each, and what was closed last.

An order is found by its place among the open ones, through a small index that holds no others; a status is in no index,
so that changing it stays cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from access.principal import Principal
from foundation.contract import LARGEST_ID
from orders import json_sql
from orders.json_sql import literal
from orders.queries import ended, mine, rows, side
from orders.workflow import Workflow

# OFFSET 0 keeps the join a look-up of each order: joined freely, PostgreSQL reads the whole table for an operator.
WHOLE = """CROSS JOIN LATERAL (SELECT o.status, o.updated_at, {head} AS head
                        FROM orders o WHERE o.id = page.id OFFSET 0) AS whole"""

ASKED = """unnest(CAST(:statuses AS text[]), CAST(:after AS bigint[]), CAST(:until AS bigint[]), CAST(:limits AS int[]))
        WITH ORDINALITY AS asked (status, after, until, most, place)"""

PAGES_OF_ONE = """SELECT asked.place, whole.status, whole.head FROM {asked}
    CROSS JOIN LATERAL (
        SELECT o.id FROM orders o
        WHERE o.open AND {mine} AND o.status = asked.status AND o.id > asked.after AND o.id <= asked.until
        ORDER BY o.id LIMIT asked.most) AS page
    {whole} ORDER BY asked.place, page.id"""

# No index has all open orders by id: whoever sees everybody's reads them once, whatever the history is.
PAGES_OF_ALL = """WITH waiting AS MATERIALIZED (
        SELECT o.id, o.status FROM orders o WHERE o.open AND o.status = ANY(CAST(:statuses AS text[])))
    SELECT asked.place, whole.status, whole.head FROM {asked}
    CROSS JOIN LATERAL (
        SELECT w.id FROM waiting w WHERE w.status = asked.status AND w.id > asked.after AND w.id <= asked.until
        ORDER BY w.id LIMIT asked.most) AS page
    {whole} ORDER BY asked.place, page.id"""

COUNTS = "SELECT o.status, count(*) FROM orders o WHERE o.open AND {mine} GROUP BY o.status"

SOME = "SELECT count(*) FROM (SELECT FROM orders o WHERE o.open AND {mine} LIMIT :most) AS few"

CLOSED = """WITH closed AS (
        SELECT o.id, o.updated_at FROM orders o WHERE NOT o.open AND {mine} ORDER BY o.id DESC LIMIT :newest)
    SELECT whole.status, whole.head FROM (SELECT id FROM closed ORDER BY updated_at DESC LIMIT :most) AS page
    {whole} ORDER BY whole.updated_at DESC"""

NEWEST_CLOSED = 100
"""How many closed orders, the newest by id, are checked for when they were closed; no index has that."""


@dataclass(frozen=True)
class Stretch:
    """Open orders in one status, the longest waiting first: those after one id, up to another."""

    status: str
    after: int = 0
    until: int = LARGEST_ID
    most: int = 50


@dataclass(frozen=True)
class BoardPage:
    """The orders of a stretch as JSON texts, and whether it has more than these."""

    orders: list[str]
    more: bool


def pages(workflow: Workflow, principal: Principal, asked: Sequence[Stretch]) -> list[BoardPage]:
    """These stretches. It is one statement, so an order that changes meanwhile appears once."""
    if not asked:
        return []
    values = mine(principal) | {
        "statuses": [one.status for one in asked],
        "after": [one.after for one in asked],
        "until": [one.until for one in asked],
        "limits": [one.most + 1 for one in asked],
    }
    found: list[list[str]] = [[] for _ in asked]
    for place, status, head in rows(pages_sql(principal), values):
        found[place - 1].append(ended(head, workflow, status, principal))
    pairs = zip(found, asked, strict=True)
    return [BoardPage(orders[: one.most], len(orders) > one.most) for orders, one in pairs]


def pages_sql(principal: Principal) -> str:
    """The statement of the pages of this principal's board."""
    own = side(principal)
    return (PAGES_OF_ALL if own == "true" else PAGES_OF_ONE).format(asked=ASKED, mine=own, whole=_whole(principal))


def open_counts(principal: Principal) -> dict[str, int]:
    """How many open orders this principal has in each status."""
    return dict(map(tuple, rows(counts_sql(principal), mine(principal))))


def counts_sql(principal: Principal) -> str:
    """The statement that counts this principal's open orders."""
    return COUNTS.format(mine=side(principal))


def has_more_open_than(principal: Principal, number: int) -> bool:
    """Whether this principal has more open orders than that; no more of them are read."""
    found: int = rows(SOME.format(mine=side(principal)), mine(principal) | {"most": number + 1})[0][0]
    return found > number


def last_closed(workflow: Workflow, principal: Principal, most: int) -> list[str]:
    """The orders that were closed last, as JSON texts."""
    values = mine(principal) | {"most": most, "newest": NEWEST_CLOSED}
    return [ended(head, workflow, status, principal) for status, head in rows(closed_sql(principal), values)]


def closed_sql(principal: Principal) -> str:
    """The statement of what was closed last."""
    return CLOSED.format(mine=side(principal), whole=_whole(principal))


def _whole(principal: Principal) -> str:
    return WHOLE.format(head=json_sql.order_head("o", literal(principal.role)))
