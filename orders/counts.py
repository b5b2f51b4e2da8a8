"""How many orders there are in each status, as far as anybody wants to know: beyond a thousand it is "1,000+".

Open orders are counted whole, through the small index that holds no others, as the board counts them. Closed ones are
counted status by status in the index of what orders were closed as, and counting stops at the cap. What a search
finds is looked at once for all statuses, if it is little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from access.principal import Principal
from orders import filters, queries, searching
from orders.filters import Filters
from orders.workflow import Workflow

CAP = 1000


@dataclass(frozen=True)
class StatusCount:
    """The number of orders in one status."""

    status: str
    count: int
    more: bool
    """Whether there are more than the count says."""


def count_by_status(workflow: Workflow, principal: Principal, wanted: Filters) -> list[StatusCount]:
    """A count for each status of the workflow that is wanted; raises InvalidRequest for an unknown one."""
    filters.check_statuses(workflow, wanted)
    statuses = wanted.statuses or tuple(workflow.statuses)
    wanted = searching.planned(principal, wanted)
    if (wanted.terms or wanted.tag) and not wanted.walks:
        found = _of_search(principal, wanted)
    else:
        found = _open(workflow, principal, wanted, statuses)
        for status in statuses:
            if workflow.statuses[status].closed:
                found[status] = _closed(workflow, principal, wanted, status)
    return [
        StatusCount(status, min(found.get(status, 0), CAP), found.get(status, 0) > CAP)
        for status in workflow.statuses
        if status in statuses
    ]


def _of_search(principal: Principal, wanted: Filters) -> dict[str, int]:
    """All statuses at once, of the few orders that the index finds."""
    conditions, values = filters.conditions(principal, wanted)
    sql = f"SELECT o.status, count(*) FROM orders o WHERE {' AND '.join(conditions)} GROUP BY o.status"
    return dict(map(tuple, queries.rows(sql, values)))


def _open(workflow: Workflow, principal: Principal, wanted: Filters, statuses: tuple[str, ...]) -> dict[str, int]:
    some = tuple(status for status in statuses if not workflow.statuses[status].closed)
    if not some:
        return {}
    (condition,), values = filters.whole(workflow, principal, replace(wanted, statuses=some))
    sql = f"SELECT o.status, count(*) FROM orders o WHERE {condition} GROUP BY o.status"
    return dict(map(tuple, queries.rows(sql, values)))


def _closed(workflow: Workflow, principal: Principal, wanted: Filters, status: str) -> int:
    parts, values = filters.whole(workflow, principal, replace(wanted, statuses=(status,)))
    union = " UNION ALL ".join(f"(SELECT FROM orders o WHERE {part} LIMIT :most)" for part in parts)
    count: int = queries.rows(f"SELECT count(*) FROM ({union}) AS o", values | {"most": CAP + 1})[0][0]
    return count
