"""Editing an order, and sending its last notification again, over HTTP."""

from __future__ import annotations

import functools
from collections.abc import Callable

import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import KeyHeaders, keyed
from foundation.contract import OrderPath, typed
from foundation.documentation import documented
from foundation.errors import PreconditionRequired
from orders import conditions
from orders.answers import EDITED, RESENT_ORDER, Order
from orders.edits import Edits
from orders.errors import BuyerErased, DuplicateExternalId, NotEditable, NothingToResend, StaleVersion
from orders.resending import Resending
from orders.schemas import EditOrderRequest, IfMatch


class EditHeaders(KeyHeaders):
    """How an edit is made conditional and idempotent."""

    if_match: IfMatch = ""


def blueprint(resending: Resending) -> APIBlueprint:
    """Sending notifications again."""
    routes = APIBlueprint("resending", __name__, abp_tags=[{"name": "Orders"}])
    guards.protect(routes, "buyer", "seller", "operator", "service", area="orders")
    _add_resending(routes, resending)
    return routes


def add_edits(routes: APIBlueprint, edits: Edits, require_version: bool) -> None:
    """Add the route to those of the orders, with which it shares its path; `require_version` refuses an edit without
    If-Match."""

    @routes.patch(
        "/api/orders/<int:order_id>",
        summary="Edit an order",
        **documented(
            Order,
            NotEditable,
            BuyerErased,
            DuplicateExternalId,
            StaleVersion,
            PreconditionRequired,
            headers=("ETag",),
            shown=EDITED,
        ),
    )
    @typed
    @_tagged
    @keyed
    def edit_order(path: OrderPath, header: EditHeaders, body: EditOrderRequest) -> Response:
        """Members that are not given stay, and null removes one; `delivery` and `metadata` are changed member by
        member, `parcels` and `tags` as a whole. An edit that changes nothing makes no new version. Who may edit which
        member is in docs/access.md."""
        version = conditions.version(header.if_match, require_version)
        changed = edits.edit(guards.current(), path.order_id, body, version)
        return Response(changed.order, content_type="application/json")


def _add_resending(routes: APIBlueprint, resending: Resending) -> None:
    @routes.post(
        "/api/orders/<int:order_id>/notifications/resend",
        summary="Send the buyer the last notification again",
        **documented(Order, NothingToResend, BuyerErased, headers=("ETag",), shown=RESENT_ORDER),
    )
    @typed
    @_tagged
    @keyed
    def resend_notification(path: OrderPath) -> Response:
        """That of the order's status, by e-mail and in the inbox, to the address that the order has now; recorded in
        the history, five times an hour for an order at most. For sellers, operators and services."""
        principal = guards.require("seller", "operator", "service")
        return Response(resending.resend(principal, path.order_id).order, content_type="application/json")


def _tagged(view: Callable[..., Response]) -> Callable[..., Response]:
    """Give the response the ETag of its order, also when it is given again."""

    @functools.wraps(view)
    def tagged(**values: object) -> Response:
        response = view(**values)
        response.headers["ETag"] = f'"{orjson.loads(response.get_data())["version"]}"'
        return response

    return tagged
