"""Which orders are wanted, as SQL: conditions that are there only if they are asked for.

Nothing here may need an index on a column that a status change writes, except the change to a closed status. Open
statuses are searched among the open orders; a closed one in the index of what orders were closed as; everything else
uses keys, search terms and dates, which never change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access.principal import Principal
from foundation.errors import InvalidRequest
from orders import search
from orders.queries import mine, side
from orders.workflow import Workflow

HITS = """o.id = ANY(ARRAY(
            SELECT w.order_id FROM order_search w WHERE w.document @@ CAST(:found AS tsquery)))"""
WALK = "(SELECT w.document @@ CAST(:found AS tsquery) FROM order_search w WHERE w.order_id = o.id)"
"""Two ways of searching: to look up all that the index of terms finds, or to look at one order after the other until a
page is full (orders/searching.py says which). PostgreSQL does not know how many orders have a word that begins so, and
chose the way that took 600 ms."""

ANY_UNFILLED = "(SELECT EXISTS (SELECT FROM orders u WHERE NOT u.open AND u.closed_as IS NULL))"
"""Whether a version that did not know the column has closed an order that is not filled yet. Asked first, by index:
PostgreSQL expects such orders where there are none, and may read all others to find a page of them."""


CHANGED_BY = "o.id = ANY(ARRAY(SELECT e.order_id FROM order_events e WHERE e.request_id = :request_id))"

LATE = "o.open AND o.due_at < clock_timestamp()"
"""Looked for among the open orders: a status change writes when the next one is due."""


@dataclass(frozen=True)
class Filters:
    """What orders have to be like; None means no filter."""

    statuses: tuple[str, ...] = ()
    number: str | None = None
    seller_id: int | None = None
    buyer_id: int | None = None
    placed_from: datetime | None = None
    placed_until: datetime | None = None
    """Exclusive."""

    terms: str | None = None
    """What is searched for, as it was typed."""

    tag: str | None = None
    """A whole tag."""

    late: bool | None = None
    """Whether the order is open and should have left its status by now."""

    request_id: str | None = None
    """The id of a request that changed the order."""

    walks: bool = False
    """Whether so many orders are found that a page is full after looking at a few."""


def check_statuses(workflow: Workflow, filters: Filters) -> None:
    """Raises InvalidRequest for a status that the workflow does not have."""
    unknown = [status for status in filters.statuses if status not in workflow.statuses]
    if unknown:
        raise InvalidRequest(f"Unknown status {unknown[0][:50]!r}.", {"statuses": list(workflow.statuses)})


def conditions(principal: Principal, filters: Filters) -> tuple[list[str], dict[str, Any]]:
    """SQL over `o` for all filters but the statuses, and its parameters. Only what is asked for is there, so that each
    combination gets its own plan."""
    values = {name: value for name, value in mine(principal).items() if value is not None}
    found = [side(principal)] if values else []
    if filters.late is not None:
        found.append(LATE if filters.late else f"({LATE}) IS NOT TRUE")
    for sql, name, value in _limits(principal, filters):
        if value is not None:
            found.append(sql)
            values[name] = value
    return found, values


def by_status(workflow: Workflow, statuses: tuple[str, ...]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Conditions that no order meets twice, each served by one index: PostgreSQL would look for one of several statuses
    among all orders."""
    closed = [status for status in dict.fromkeys(statuses) if workflow.statuses[status].closed]
    if not statuses:
        yield [], {}
    if others := [status for status in statuses if status not in closed]:
        yield ["o.open", "o.status = ANY(:statuses)"], {"statuses": others}
    for number, status in enumerate(closed):
        yield ["NOT o.open", f"o.closed_as = :closed_{number}"], {f"closed_{number}": status}
    if closed:
        yield [ANY_UNFILLED, "NOT o.open", "o.closed_as IS NULL", "o.status = ANY(:closed)"], {"closed": closed}


def whole(workflow: Workflow, principal: Principal, filters: Filters) -> tuple[list[str], dict[str, Any]]:
    """All filters as conditions of which no order meets two, and their parameters."""
    found, values = conditions(principal, filters)
    parts = []
    for part, value in by_status(workflow, filters.statuses):
        values |= value
        parts.append(" AND ".join([*found, *part]) or "true")
    return parts, values


def _limits(principal: Principal, filters: Filters) -> Iterator[tuple[str, str, Any]]:
    yield "o.number = :number", "number", filters.number
    yield "o.seller_id = :seller_id", "seller_id", filters.seller_id
    yield "o.buyer_id = :buyer_id", "buyer_id", filters.buyer_id
    yield "o.created_at >= :placed_from", "placed_from", filters.placed_from
    yield "o.created_at < :placed_until", "placed_until", filters.placed_until
    yield CHANGED_BY, "request_id", filters.request_id
    yield WALK if filters.walks else HITS, "found", searched(principal, filters)


def searched(principal: Principal, filters: Filters) -> str | None:
    """All that is searched for, as text for `tsquery`; None if nothing is."""
    parts = []
    if filters.number and not principal.seller_id and not filters.seller_id:
        # The index of numbers starts with the seller.
        parts.append(search.condition(filters.number, contact=False))
    if filters.terms:
        parts.append(search.condition(filters.terms, principal.role != "seller"))
    if filters.tag:
        parts.append(search.quoted(search.tag_term(filters.tag)))
    return (" & ".join(parts) if all(parts) else "") if parts else None
