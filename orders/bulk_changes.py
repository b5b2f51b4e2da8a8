"""Bulk changes: one person changes the status of all orders that match a filter, in the background.

Which orders these are is decided when it starts, and stored. Every order then has a result: it was changed, or it was
skipped, and why. The work itself is in orders/bulk_work.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import Field

from access.principal import Principal
from foundation import logs, sql
from foundation.contract import Answer, example, example_of
from foundation.db import commit, db, one_piece
from foundation.errors import AppError, InvalidRequest, NotFound
from orders import filters, queries, searching
from orders.filters import Filters
from orders.saved_views import owner
from orders.workflow import Workflow
from side_effects.insertion import insert

BULK_KIND, BULK_EVENT_TYPE, BULK_DESTINATION = "orders.bulk_change", "bulk_change", "orders"

MOST_ORDERS = 10_000
"""Orders of one bulk change: at 1,000 a second it takes ten seconds, and a person can still look through the result."""

LISTED = 20
"""Bulk changes that are listed."""

SEEING_ALL = ("operator", "auditor")

SQL = sql.beside(
    __file__,
    kind=BULK_KIND,
    event_type=BULK_EVENT_TYPE,
    insert_job=insert(
        "bulk_changes WHERE id = :id",
        kind=f"'{BULK_KIND}'",
        destination=f"'{BULK_DESTINATION}'",
        event_type=f"'{BULK_EVENT_TYPE}'",
        order_id="-id",
    ),
)
BEGIN = SQL.text("begin")
ADD_ORDERS = SQL.text("add_orders")
SCHEDULE = SQL.text("schedule")
RUNNING = SQL.text("in_progress")
LATEST_JOBS = SQL.text("latest_jobs")
ONE = SQL.text("one")
RESULTS = SQL.text("results")
STOP = SQL.text("stop")
SUMMARIES = SQL.text("summaries")
ERASE_JOBS = SQL.text("erase_jobs")
PRUNE_JOBS = SQL.text("prune_jobs")


class BulkChangeRunning(AppError):
    """The person has a bulk change in progress; there is one at a time."""

    code, status = "bulk_change_running", 409
    sentence = "You have a bulk change in progress. Stop it, or wait until it is done."


class Matching(Answer):
    """How many orders match."""

    model_config = example(matching=152)

    matching: Annotated[int, Field(description="How many orders match now.")]


class CountChanged(AppError):
    """More orders match now than the request expects, or none: look again at what would be changed."""

    code, status = "count_changed", 409
    sentence = "152 orders match now, not 146."
    extension = Matching
    example: ClassVar[dict[str, Any]] = example_of(Matching)


class TooManyOrders(AppError):
    """More orders match than one bulk change may have, 10,000."""

    code, status = "too_many_orders", 409
    sentence = f"More than {MOST_ORDERS:,} orders match. Narrow the filter."


@dataclass(frozen=True)
class BulkChange:
    """What is to become of many orders."""

    status: str
    reason: str | None = None
    notify: bool = True
    filters: Filters | None = None
    """None if the orders are named."""

    asked: dict[str, Any] | None = None
    """The filters as the API shows them."""

    expected: int | None = None
    """How many orders the person has seen to match: if they are more by now, nothing is done."""

    order_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Summary:
    """How a bulk change ended."""

    total: int
    changed: int
    skipped: int
    status: str

    @property
    def stopped(self) -> bool:
        """Whether it ended before its end."""
        return self.changed + self.skipped < self.total


def start(workflow: Workflow, principal: Principal, wanted: BulkChange) -> int:
    """Store the job and what it covers, and return its id.

    Raises InvalidRequest, BulkChangeRunning, CountChanged, TooManyOrders.
    """
    if wanted.status not in workflow.statuses:
        raise InvalidRequest(f"Unknown status {wanted.status[:50]!r}.", {"statuses": list(workflow.statuses)})
    orders = sorted(set(wanted.order_ids)) if wanted.filters is None else matching(workflow, principal, wanted.filters)
    if wanted.expected is not None and not 0 < len(orders) <= wanted.expected:
        raise CountChanged(f"{len(orders)} orders match now, not {wanted.expected}.", {"matching": len(orders)})
    values = {
        "owner": owner(principal),
        "role": principal.role,
        "id": principal.id,
        "via": principal.via,
        "filters": orjson.dumps(wanted.asked).decode() if wanted.asked is not None else None,
        "status": wanted.status,
        "reason": wanted.reason or None,
        "notify": wanted.notify,
        "total": len(orders),
        "request_id": logs.request_id.get(),
    }
    id: int | None = db.session.scalars(BEGIN, values).one_or_none()
    if id is None:
        raise BulkChangeRunning
    db.session.execute(ADD_ORDERS, {"id": id, "orders": orders})
    db.session.execute(SCHEDULE, {"id": id})
    commit()
    return id


def matching(workflow: Workflow, principal: Principal, wanted: Filters) -> list[int]:
    """The ids of the orders that match now; raises InvalidRequest, TooManyOrders."""
    filters.check_statuses(workflow, wanted)
    parts, values = filters.whole(workflow, principal, searching.planned(principal, wanted))
    union = " UNION ALL ".join(f"(SELECT o.id FROM orders o WHERE {part} LIMIT :most)" for part in parts)
    rows = queries.rows(
        f"SELECT id FROM ({union}) AS found ORDER BY id LIMIT :most", values | {"most": MOST_ORDERS + 1}
    )
    if len(rows) > MOST_ORDERS:
        raise TooManyOrders
    return [id for (id,) in rows]


def bulk_change(principal: Principal, id: int) -> str:
    """A bulk change as JSON text; raises NotFound if it is not this person's."""
    text: str | None = db.session.scalars(ONE, {"id": id, **_readable(principal)}).one_or_none()
    if text is None:
        raise _none()
    return text


def latest(principal: Principal) -> str:
    """The last ones of this person, of everybody for operators and auditors, as the text of a JSON array."""
    text: str = db.session.scalars(LATEST_JOBS, _readable(principal) | {"limit": LISTED}).one()
    return text


def in_progress(principal: Principal) -> int | None:
    """The id of this person's bulk change that is in progress."""
    id: int | None = db.session.scalars(RUNNING, {"owner": owner(principal)}).one_or_none()
    return id


def results(
    principal: Principal, id: int, result: str | None = None, after: int = 0, limit: int = 50
) -> tuple[list[str], int | None]:
    """Its orders with their results as JSON texts, after this order, and the cursor of the next page."""
    bulk_change(principal, id)
    values = {"id": id, "result": result, "after": after, "limit": limit + 1}
    rows = db.session.execute(RESULTS, values).all()
    return [text for _, text in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else None


def stop(principal: Principal, id: int) -> str:
    """Ask it to stop, and return it; what was changed stays changed. One that has ended stays as it is."""
    db.session.execute(STOP, {"id": id, **_readable(principal)})
    text = bulk_change(principal, id)
    commit()
    return text


def summaries(ids: Sequence[int]) -> dict[int, Summary]:
    """How these have ended, whosever they are."""
    rows = db.session.execute(SUMMARIES, {"ids": list(ids)}) if ids else ()
    return {row[0]: Summary(*row[1:]) for row in rows}


def prune(days: int) -> int:
    """Delete one that ended longer ago; returns how many."""
    return one_piece(PRUNE_JOBS, days=days)


def _readable(principal: Principal) -> dict[str, Any]:
    return {"owner": owner(principal), "sees_all": principal.role in SEEING_ALL}


def _none() -> NotFound:
    return NotFound("No such bulk change.")
