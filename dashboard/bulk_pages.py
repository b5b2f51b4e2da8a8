"""Pages of bulk changes: which orders would be changed and to what, and what has become of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

import orjson
from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from pydantic import ValidationError

from access import guards
from dashboard import submitted
from dashboard.auth_pages import too_old
from dashboard.context import PageContext
from dashboard.pages import page, protect
from foundation.contract import ID_DIGITS, LARGEST_ID
from foundation.errors import AppError, InvalidRequest, NotFound
from foundation.languages import N_, gettext
from orders import bulk_changes
from orders.bulk_changes import BulkChange, BulkChangeRunning, CountChanged, TooManyOrders
from orders.list_schemas import OrderFilters, SortedOrderFilters

JOB = f"<int(min=1, max={LARGEST_ID}):job_id>"
STAFF = "<any(seller, operator):side>"
READERS = "<any(seller, operator, auditor):side>"

SKIPPED_SHOWN = 100
"""Skipped orders that the page lists."""

PREFIX = "order-"
"""Of the names of boxes that are ticked, before the order's id."""

OF_LISTS = SortedOrderFilters.model_fields.keys() - OrderFilters.model_fields.keys() | {"limit", "cursor", "part"}
"""Parameters of a list that say nothing about which orders are in it."""

WRONG = {
    CountChanged: N_("Other orders match by now. Check their number and confirm again."),
    TooManyOrders: N_("More than 10,000 orders match. Narrow the filter."),
}


@dataclass(frozen=True)
class Chosen:
    """The orders that a form is about: those of a filter, or some."""

    filters: OrderFilters | None
    query: str
    """The filter as in the list's address."""

    order_ids: tuple[int, ...] = ()

    @classmethod
    def of_query(cls, query: str) -> Chosen:
        """Those that match what a list's address says; raises InvalidRequest."""
        given = {name: values[0] for name, values in parse_qs(query).items()}
        given = {name: value for name, value in given.items() if value and name not in OF_LISTS}
        try:
            return cls(OrderFilters.model_validate(given), urlencode(given))
        except ValidationError as error:
            raise InvalidRequest(N_("This filter is not valid.")) from error


def blueprint(context: PageContext) -> Blueprint:
    """`/<role>/bulk`."""
    pages = Blueprint("bulk_pages", __name__)
    protect(pages, context)
    pages.register_error_handler(CSRFError, too_old)
    _add_choosing(pages, context)
    _add_jobs(pages, context)
    return pages


def _add_choosing(pages: Blueprint, context: PageContext) -> None:
    @pages.get(f"/{STAFF}/bulk")
    def all_that_match(side: str) -> ResponseReturnValue:
        guards.require(side)
        return _confirm(context, Chosen.of_query(request.query_string.decode("ascii", "replace")))

    @pages.post(f"/{STAFF}/bulk/chosen")
    def chosen(side: str) -> ResponseReturnValue:
        """Those that were ticked; none: back to the list."""
        guards.require(side)
        ids = _ids(name.removeprefix(PREFIX) for name in request.form if name.startswith(PREFIX))
        return _confirm(context, Chosen(None, "", ids)) if ids else redirect(f"/{side}/orders/list", 303)

    @pages.post(f"/{STAFF}/bulk")
    def start(side: str) -> ResponseReturnValue:
        principal = guards.require(side)
        ids = _ids(request.form.get("ids", "").split(","))
        chosen = Chosen(None, "", ids) if ids else Chosen.of_query(request.form.get("query", ""))
        try:
            id = bulk_changes.start(context.workflow, principal, _wanted(chosen))
        except BulkChangeRunning:
            id = bulk_changes.in_progress(principal) or 0  # a second press of the button shows what the first began
        except (CountChanged, TooManyOrders, InvalidRequest) as error:
            return _confirm(context, chosen, error), error.status
        return redirect(f"/{side}/bulk/{id}", 303)


def _add_jobs(pages: Blueprint, context: PageContext) -> None:
    @pages.get(f"/{READERS}/bulk/{JOB}")
    def job(side: str, job_id: int) -> ResponseReturnValue:
        guards.require(side)
        return _job_page(context, side, job_id)

    @pages.post(f"/{STAFF}/bulk/{JOB}/stop")
    def stop(side: str, job_id: int) -> ResponseReturnValue:
        bulk_changes.stop(guards.require(side), job_id)
        return redirect(f"/{side}/bulk/{job_id}", 303)


def _confirm(context: PageContext, chosen: Chosen, error: AppError | None = None) -> str:
    """How many orders it would change, and a form that says to what."""
    principal, wrong = guards.current(), error and gettext(WRONG.get(type(error), error.detail))
    try:
        count = (
            len(bulk_changes.matching(context.workflow, principal, chosen.filters.filters()))
            if chosen.filters
            else len(chosen.order_ids)
        )
    except (InvalidRequest, TooManyOrders) as refused:
        count, wrong = 0, gettext(WRONG.get(type(refused), refused.detail))
    return page(
        context,
        "bulk.html",
        path=f"/{principal.role}/bulk" + (f"?{chosen.query}" if chosen.query else ""),
        chosen=chosen,
        count=count,
        wrong=wrong,
        targets=_targets(context, chosen),
        draft={name: request.form.get(name, "") for name in ("to", "reason")},
    )


def _targets(context: PageContext, chosen: Chosen) -> list[str]:
    """The statuses to which this role can change orders of these statuses, in the table's order."""
    role = guards.current().role
    statuses = chosen.filters.filters().statuses if chosen.filters else ()
    sources = [one for one in statuses if one in context.workflow.statuses] or list(context.workflow.statuses)
    found = {to for source in sources for to in context.workflow.targets(source, role)}
    return [name for name in context.workflow.statuses if name in found]


def _wanted(chosen: Chosen) -> BulkChange:
    """What the form asks for; raises InvalidRequest with a sentence for the page."""
    reason = submitted.field("reason")
    if len(reason) > 1000:
        raise InvalidRequest(N_("The reason is too long: 1,000 characters at most."))
    expected = request.form.get("expected", "")
    number = int(expected) if expected.isascii() and expected.isdigit() and len(expected) < 6 else 0
    return BulkChange(
        request.form.get("to", ""),
        reason or None,
        not request.form.get("quiet"),
        chosen.filters.filters() if chosen.filters else None,
        chosen.filters.model_dump(mode="json", exclude_unset=True) if chosen.filters else None,
        number if chosen.filters else None,
        chosen.order_ids,
    )


def _job_page(context: PageContext, side: str, job_id: int) -> str:
    principal = guards.current()
    job: dict[str, Any] = orjson.loads(bulk_changes.bulk_change(principal, job_id))
    skipped, more = bulk_changes.results(principal, job_id, "skipped", limit=SKIPPED_SHOWN)
    return page(
        context,
        "bulk_job.html",
        path=f"/{side}/bulk/{job_id}",
        job=job,
        skipped=[orjson.loads(one) for one in skipped],
        more_skipped=more is not None,
    )


def _ids(given: Any) -> tuple[int, ...]:
    """Those that are ids; raises NotFound for more than a bulk change may have."""
    ids = tuple(int(one) for one in given if one.isascii() and one.isdigit() and len(one) <= ID_DIGITS)
    if len(ids) > bulk_changes.MOST_ORDERS:
        raise NotFound
    return tuple(one for one in ids if 0 < one <= LARGEST_ID)
