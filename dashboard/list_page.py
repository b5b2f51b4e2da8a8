"""The page that lists, searches and counts all orders of its reader, and offers them as a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Blueprint
from flask.typing import ResponseReturnValue

from access import guards
from dashboard.context import PageContext
from foundation.errors import InvalidRequest, MalformedRequest
from foundation.languages import N_
from foundation.strict_reading import read_query
from orders import counts, export, list_routes, listing
from orders.list_schemas import OrdersQuery

SORTS = {
    "newest": N_("Newest first"),
    "oldest": N_("Oldest first"),
    "updated": N_("Changed last"),
    "total": N_("Largest total"),
}


def add(pages: Blueprint, context: PageContext, page: Callable[..., str]) -> None:
    """Add it to the pages of all roles; `page` renders a page in its frame."""

    @pages.get("/<any(seller, buyer, operator, auditor):side>/orders/list")
    def found(side: str) -> ResponseReturnValue:
        principal = guards.require(side)
        home = context.view(principal.role).home
        try:
            query, wrong = read_query(OrdersQuery), ""
            texts, cursor = listing.page(context.workflow, principal, query.wanted())
            counted = counts.count_by_status(
                context.workflow, principal, query.model_copy(update={"status": ""}).filters()
            )
        except (InvalidRequest, MalformedRequest) as error:
            query, wrong, texts, cursor, counted = OrdersQuery.model_validate({}), error.detail, [], None, []
        links = {
            "next": cursor and _link(home, query, cursor=cursor),
            "all": _link(home, query, status="", cursor=""),
            "file": _link(home, query, cursor="", limit="").replace("/list", "/list.csv", 1),
        }
        chips = [(one, _link(home, query, status=one.status, cursor="")) for one in counted if one.count]
        orders = [orjson.loads(text) for text in texts]
        return page(
            context, "list.html", orders=orders, query=query, wrong=wrong, chips=chips, links=links, sorts=SORTS
        )

    @pages.get("/<any(seller, buyer, operator, auditor):side>/orders/list.csv")
    def file(side: str) -> ResponseReturnValue:
        guards.require(side)
        return list_routes.exported(context.workflow, read_query(OrdersQuery), export.CSV)


def _link(home: str, query: OrdersQuery, **instead: Any) -> str:
    """The same list with other parameters; an empty one is left out."""
    given = query.model_dump(mode="json", exclude_unset=True) | instead
    return f"{home}/list?" + urlencode({name: value for name, value in given.items() if value not in ("", None)})
