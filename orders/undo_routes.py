"""Undoing a change over HTTP."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from foundation.contract import OrderPath, typed
from foundation.documentation import documented
from foundation.errors import IdempotencyMismatch, PreconditionRequired
from orders import conditions
from orders.answers import UNDONE, Order
from orders.errors import NotUndoable, OrderLocked, StaleVersion
from orders.schemas import IfMatch, KeyedHeaders
from orders.undo import Undo


class UndoHeaders(KeyedHeaders):
    """How an undo is made conditional and idempotent."""

    if_match: IfMatch = ""


def add(routes: APIBlueprint, undo: Undo, require_version: bool) -> None:
    """Add the route to those of the orders; `require_version` refuses an undo without If-Match."""

    @routes.post(
        "/api/orders/<int:order_id>/undo",
        summary="Undo an order's last change",
        **documented(
            Order,
            NotUndoable,
            StaleVersion,
            IdempotencyMismatch,
            PreconditionRequired,
            OrderLocked,
            headers=("ETag",),
            shown=UNDONE,
        ),
    )
    @typed
    def undo_order_change(path: OrderPath, header: UndoHeaders) -> Response:
        """For whoever made it with `hold_seconds`, while it is held: no e-mail, webhook or receiver has been notified
        of it yet, and none will be, of the change or of the undo. Both stay in the history. The workflow need not have
        a way back. If-Match names the version that the change made."""
        key = conditions.idempotency_key(header.idempotency_key)
        version = conditions.version(header.if_match, require_version)
        changed = undo.undo(path.order_id, guards.current(), key, version)
        headers = {"ETag": f'"{changed.version}"'}
        return Response(changed.order, headers=headers, content_type="application/json")
