"""Lists of orders over HTTP: pages, exports, and counts by status."""

from __future__ import annotations

import dataclasses

import orjson
from flask import Response, request
from flask_openapi.blueprint import APIBlueprint

from access import guards
from foundation import clock
from foundation.contract import typed
from foundation.documentation import documented
from foundation.errors import InvalidRequest, NotAcceptable
from foundation.paging import link_next
from orders import counts, export, listing
from orders.answers import OrderPage
from orders.export import ExportForm
from orders.list_schemas import OrderCountList, OrderFilters, OrdersQuery
from orders.workflow import Workflow

JSON = "application/json"


def add(routes: APIBlueprint, workflow: Workflow) -> None:
    """Add them to the orders' routes."""

    @routes.get(
        "/api/orders",
        summary="List or export your orders",
        **documented(OrderPage, NotAcceptable, headers=("Link", "Onward-Cursor")),
    )
    @typed
    def list_orders(query: OrdersQuery) -> Response:
        """Those that you may see. The next page is in `next_cursor`, and in `Link`. With `Accept: text/csv` or
        `application/x-ndjson` the whole list is the response, streamed: without `limit` and `cursor`, and each part as
        the orders are when it is read."""
        form = _form()
        if form is not None:
            return exported(workflow, query, form)
        found, cursor = listing.page(workflow, guards.current(), query.wanted())
        body = f'{{"orders":[{",".join(found)}],"next_cursor":{orjson.dumps(cursor).decode()}}}'
        return link_next(Response(body, headers={"Vary": "Accept"}, content_type=JSON), cursor)

    @routes.get(
        "/api/orders/counts",
        summary="Count your orders by status",
        **documented(OrderCountList, headers=("Onward-Cursor",)),
    )
    @typed
    def get_order_counts(query: OrderFilters) -> Response:
        """Of those that the filters leave, for each status of the workflow, or for those asked for; up to 1,000."""
        found = counts.count_by_status(workflow, guards.current(), query.filters())
        members = {"counts": [dataclasses.asdict(one) for one in found]}
        return Response(orjson.dumps(members), content_type=JSON)


def _form() -> ExportForm | None:
    """The form that the client prefers, None for JSON; raises NotAcceptable (RFC 9110, section 12.5.1)."""
    accepted = request.accept_mimetypes
    best = accepted.best_match([JSON, *export.FORMS]) if accepted else JSON
    if best is None:
        raise NotAcceptable
    return export.FORMS.get(best)


def exported(workflow: Workflow, query: OrdersQuery, form: ExportForm) -> Response:
    """The whole list as a file; raises InvalidRequest, TooManyRequests."""
    if paged := query.model_fields_set & {"limit", "cursor"}:
        raise InvalidRequest(f"{min(paged)}: an export has no pages; it is the whole list.")
    end = export.begin(guards.current())
    try:
        pieces = export.pieces(workflow, guards.current(), query.wanted(), form)
    except BaseException:
        end()
        raise
    name = f"orders-{clock.now():%Y-%m-%d}.{form.extension}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept", "Cache-Control": "no-store"}
    response = Response(pieces, headers=headers, content_type=f"{form.media_type}; charset=utf-8")
    response.call_on_close(end)
    return response
