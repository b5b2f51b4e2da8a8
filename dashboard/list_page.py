"""The page that lists, searches and counts all orders of its reader, acts on them, and offers them as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
from flask import Blueprint, flash
from flask.typing import ResponseReturnValue

from access import guards
from access.principal import Principal
from dashboard import parts
from dashboard.context import PageContext
from dashboard.days import days_of, in_days
from dashboard.flags import FlagsOfMany, flags_of, shops_of
from dashboard.pages import page, protect
from foundation.errors import InvalidRequest, MalformedRequest
from foundation.languages import N_
from foundation.strict_reading import query_parameters, read_parameters
from orders import counts, export, list_routes, listing, saved_views
from orders.counts import StatusCount
from orders.list_schemas import OrdersQuery, SortedOrderFilters

ROWS = 50
"""Rows of a page; as many more are shown at a time."""

MOST_ROWS = 500
"""Rows that one page grows to; then another begins."""

COLUMNS = {
    "number": (N_("Order"), {"ascending": "number"}),
    "placed": (N_("Placed"), {"descending": "newest", "ascending": "oldest"}),
    "changed": (N_("Changed"), {"descending": "updated"}),
    "due": (N_("Due"), {"ascending": "due"}),
    "total": (N_("Total"), {"descending": "total"}),
}
"""Sorts by the column whose head has them, by `aria-sort`."""

PLACE = ("cursor", "limit")
"""Parameters that say which part of a list is shown."""


@dataclass(frozen=True)
class Found:
    """What a list shows."""

    query: OrdersQuery
    given: Mapping[str, str]
    """The parameters as they stand in the address."""

    wrong: str = ""
    """Why nothing is listed."""

    orders: tuple[dict[str, Any], ...] = ()
    cursor: str | None = None
    """Where the next page begins."""

    counts: tuple[StatusCount, ...] = ()
    flags: FlagsOfMany = FlagsOfMany()
    shops: Mapping[int, str] | None = None
    exact: int | None = None
    """The order whose number is what is searched for: it is first."""

    @property
    def matching(self) -> int:
        """How many orders match, as far as they are counted."""
        wanted = self.query.status.split(",") if self.query.status else [one.status for one in self.counts]
        return sum(one.count for one in self.counts if one.status in wanted)

    @property
    def statuses(self) -> list[str]:
        return self.query.status.split(",") if self.query.status else []


class ListLinks:
    """The same list with other parameters; an empty one is left out."""

    def __init__(self, home: str, found: Found) -> None:
        self._home, self._given = home, found.given
        self._statuses = found.statuses

    def to(self, **instead: Any) -> str:
        return self._address("list", {**self._given, "cursor": "", **instead})

    def toggle(self, status: str) -> str:
        """With this status if it is not asked for, otherwise without."""
        others = [one for one in self._statuses if one != status]
        return self.to(status=",".join(others if status in self._statuses else [*others, status]))

    def file(self) -> str:
        return self._address("list.csv", {**self._given, "cursor": "", "limit": ""})

    def query(self) -> str:
        """Which orders it is about, without how they are sorted, as the API has it."""
        filters = filters_of(self._given).model_dump(mode="json", exclude_unset=True)
        return self._address("list", filters | {"sort": ""}).partition("?")[2]

    def view(self, filters: Mapping[str, Any]) -> str:
        return self._address("list", filters)

    def _address(self, name: str, given: Mapping[str, Any]) -> str:
        query = urlencode({key: _text(value) for key, value in given.items() if value not in ("", None)}, safe=",")
        return f"{self._home}/{name}" + (f"?{query}" if query else "")


def blueprint(context: PageContext) -> Blueprint:
    """`/<role>/orders/list`, for all roles that have pages."""
    pages = Blueprint("list", __name__)
    protect(pages, context)

    @pages.get("/<any(seller, buyer, operator, auditor):side>/orders/list")
    def found(side: str) -> ResponseReturnValue:
        guards.require(side)
        return list_page(context, None)

    @pages.get("/<any(seller, buyer, operator, auditor):side>/orders/list.csv")
    def file(side: str) -> ResponseReturnValue:
        guards.require(side)
        query = read_parameters(OrdersQuery, in_days(query_parameters()))
        return list_routes.exported(context.workflow, query, export.CSV)

    return pages


def given_by(text: str) -> dict[str, str]:
    """The parameters of a list that a form repeats, so that its answer shows the same list."""
    return dict(parse_qsl(text))


def filters_of(given: Mapping[str, str]) -> SortedOrderFilters:
    """The filters and the sort order of such a list, wherever it begins; raises InvalidRequest."""
    kept = {name: text for name, text in given.items() if name not in PLACE}
    return read_parameters(SortedOrderFilters, in_days(kept))


def list_page(context: PageContext, given: dict[str, str] | None, refused: str = "") -> str:
    """The list with these parameters, or with those of the address."""
    principal = guards.current()
    if refused and parts.wanted():
        flash(refused, "error")  # the script shows it beside the row, wherever that is now
    found = _found(context, principal, given)
    home = context.view(principal.role).home
    return page(
        context,
        "list.html",
        path=ListLinks(home, found).to(cursor=found.given.get("cursor", "")),
        found=found,
        links=ListLinks(home, found),
        columns=_columns(principal, found),
        views=_views(principal, found),
        days=days_of(found.query),
        refused=refused,
    )


def _views(principal: Principal, found: Found) -> list[dict[str, Any]]:
    """The reader's saved views, and which of them is shown."""
    if parts.wanted() or found.wrong:
        return []
    shown = filters_of(found.given).model_dump(mode="json", exclude_unset=True)
    return [one | {"shown": one["filters"] == shown} for one in orjson.loads(saved_views.own(principal))]


def _found(context: PageContext, principal: Principal, given: dict[str, str] | None) -> Found:
    names = {one.name: one.argument for one in parts.wanted()}
    try:
        given = query_parameters() if given is None else given
        given = {name: text for name, text in given.items() if name != "part" and text}
        query = read_parameters(OrdersQuery, in_days(given))
        rows = _rows(names["rows"] or "") if "rows" in names else query.limit
        found = Found(query, given)
        if not names or "rows" in names:
            found = _with_orders(context, principal, found, rows)
        if not names or "found" in names or "matching" in names:
            every = query.model_copy(update={"status": ""}).filters()
            found = replace(found, counts=tuple(counts.count_by_status(context.workflow, principal, every)))
        return found
    except (InvalidRequest, MalformedRequest) as error:
        if names:
            raise
        return Found(OrdersQuery.model_validate({}), {}, error.detail)


def _with_orders(context: PageContext, principal: Principal, found: Found, rows: int) -> Found:
    wanted = replace(found.query.wanted(), limit=rows)
    texts, cursor = listing.page(context.workflow, principal, wanted)
    orders = [orjson.loads(text) for text in texts]
    exact = None
    if found.query.q and not found.query.cursor:
        number = found.query.q.strip().removeprefix("#")
        exact = next((one for one in orders if one["number"].removeprefix("#") == number), None)
        if exact:
            orders = [exact, *(one for one in orders if one is not exact)]
    return replace(
        found,
        orders=tuple(orders),
        cursor=cursor,
        flags=flags_of(principal, orders),
        shops=shops_of(principal, orders),
        exact=exact and exact["id"],
    )


def _rows(argument: str) -> int:
    if not (argument.isascii() and argument.isdigit() and len(argument) < 5 and 0 < int(argument) <= MOST_ROWS):
        raise InvalidRequest(N_("There is no such part of the page."))
    return int(argument)


def _columns(principal: Principal, found: Found) -> list[tuple[str, str, str, str]]:
    """Name, text, how it is sorted now, and the sort that its head leads to, of each column."""
    heads = []
    for name, (text, sorts) in COLUMNS.items():
        now = next((way for way, sort in sorts.items() if sort == found.query.sort), "")
        others = [sort for way, sort in sorts.items() if way != now]
        offered = _is_offered(principal, name)
        heads.append((name, text, now, others[0] if others and offered else ""))
    return [one for one in heads if one[0] != "due" or principal.role != "buyer"]


def _is_offered(principal: Principal, column: str) -> bool:
    """Numbers are unique per seller only, and buyers do not see when an order is due."""
    return {"number": principal.role in ("seller", "buyer"), "due": principal.role != "buyer"}.get(column, True)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
