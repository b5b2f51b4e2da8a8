"""Orders over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask import Response, request
from flask_openapi.blueprint import APIBlueprint

from access import guards
from foundation.contract import OrderPath, typed
from foundation.errors import InvalidRequest
from orders import queries
from orders.placing import Placing
from orders.schemas import HistoryOut, NewOrder, NewStatus, OrderOut, OrdersOut, OrdersQuery
from orders.status_change import Changed, StatusChange, StatusChanges
from orders.workflow import Workflow

JSON = "application/json"

KEY = re.compile(r"[\x21-\x7e]{1,200}")
"""What an Idempotency-Key may be (IETF draft-ietf-httpapi-idempotency-key-header): printable, without spaces."""

WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])")
LONGEST_WAIT_SECONDS = 30

ENTITY_TAG = re.compile(r'"([0-9]{1,9})"')


Ledger = Callable[[int, Mapping[int, int]], Mapping[int, list[dict[str, Any]]]]
"""Of an order and its events' promised bits: where each promised effect stands."""


def blueprint(workflow: Workflow, changes: StatusChanges, placing: Placing, ledger: Ledger) -> APIBlueprint:
    """The orders' routes."""
    routes = APIBlueprint("orders", __name__, abp_tags=[{"name": "Orders"}])
    guards.protect(routes)
    _add_changes(routes, changes, placing)
    _add_reading(routes, workflow, ledger)
    return routes


def _add_changes(routes: APIBlueprint, changes: StatusChanges, placing: Placing) -> None:
    @routes.patch("/api/orders/<int:order_id>/status", summary="Change an order's status", responses={200: OrderOut})
    @typed
    def change_status(path: OrderPath, body: NewStatus) -> Response:
        change = StatusChange(path.order_id, guards.current(), body, _idempotency_key(), _version())
        changed = changes.change(change)
        response = _order(changed)
        seconds = _preferred_wait()
        if seconds is not None:
            happened = changes.wait(changed, seconds)
            response.headers["Preference-Applied"] = f"wait={seconds}"
            response.headers["Onward-Effects"] = "done" if happened else "pending"
        return response

    @routes.post("/api/orders", summary="Place an order", responses={201: OrderOut})
    @typed
    def place_order(body: NewOrder) -> Response:
        principal = guards.require("service", "operator")
        return _order(placing.place(principal, body, _idempotency_key()), status=201)


def _add_reading(routes: APIBlueprint, workflow: Workflow, ledger: Ledger) -> None:
    @routes.get("/api/orders", summary="List your orders, newest first", responses={200: OrdersOut})
    @typed
    def list_orders(query: OrdersQuery) -> Response:
        found, cursor = queries.page(workflow, guards.current(), query.status, query.cursor, query.limit)
        return Response(f'{{"orders":[{",".join(found)}],"next_cursor":{cursor or "null"}}}', content_type=JSON)

    @routes.get("/api/orders/<int:order_id>", summary="Read an order", responses={200: OrderOut})
    @typed
    def read_order(path: OrderPath) -> Response:
        text, version = queries.order(workflow, guards.current(), path.order_id)
        return _order(Changed(path.order_id, text.encode(), version))

    @routes.get("/api/orders/<int:order_id>/history", summary="Read an order's history", responses={200: HistoryOut})
    @typed
    def read_history(path: OrderPath) -> Response:
        events = queries.history(guards.current(), path.order_id)
        promised = {event_id: bits for event_id, bits, _ in events}
        standing = ledger(path.order_id, promised)
        told = [f'{text[:-1]},"effects":{orjson.dumps(standing[id]).decode()}}}' for id, _, text in events]
        return Response(f'{{"events":[{",".join(told)}]}}', content_type=JSON)


def _order(order: Changed, status: int = 200) -> Response:
    return Response(order.order, status, {"ETag": f'"{order.version}"'}, content_type=JSON)


def _idempotency_key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if key and not KEY.fullmatch(key):
        raise InvalidRequest("Idempotency-Key must be 1 to 200 printable characters without spaces.")
    return key


def _preferred_wait() -> int | None:
    """The seconds in `Prefer: wait=N` (RFC 7240, section 4.3), up to 30; what is not understood is ignored."""
    match = WAIT.search(request.headers.get("Prefer", ""))
    return min(int(match[1]), LONGEST_WAIT_SECONDS) if match else None


def _version() -> int | None:
    """The version in If-Match (RFC 9110, section 13.1.1); `*` asks only that the order exists."""
    tag = request.headers.get("If-Match", "").strip()
    if tag in ("", "*"):
        return None
    match = ENTITY_TAG.fullmatch(tag)
    # A tag that no version of ours has cannot match, which is what 412 says.
    return int(match[1]) if match else 0
