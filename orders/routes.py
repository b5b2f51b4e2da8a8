"""Orders over HTTP."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards, profiles
from access.principal import Principal
from foundation import languages
from foundation.contract import OrderPath, typed
from foundation.documentation import documented
from foundation.errors import AppError, IdempotencyMismatch, PreconditionRequired
from foundation.paging import link_next
from foundation.problems import body_of
from orders import conditions, list_routes, queries, undo_routes
from orders.answers import (
    MOVED,
    ChangeOrderStatusesResult,
    HistoryEntryPage,
    Order,
    OrderWorkflow,
)
from orders.batch import Batch
from orders.creation import Creation
from orders.edit_routes import add_edits
from orders.edits import Edits
from orders.errors import DuplicateNumber, IllegalTransition, OrderLocked, StaleVersion
from orders.schemas import (
    ChangeHeaders,
    ChangeOrderStatusesRequest,
    ChangeOrderStatusRequest,
    ChangeQuery,
    CreateOrderRequest,
    HistoryQuery,
    KeyedHeaders,
)
from orders.status_change import Changed, StatusChange, StatusChanges
from orders.undo import Undo
from orders.workflow import Workflow

JSON = "application/json"

WAIT = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])")
LONGEST_WAIT_SECONDS = 30

TAG = {"name": "Orders", "description": "Orders, their status and history, and the links by which a buyer follows one."}

OPERATING = ("operator", "auditor")
"""The roles that see internals of the service."""

Ledger = Callable[[int, Mapping[int, int]], Mapping[int, list[dict[str, Any]]]]
"""Given an order and the effect bits of its events, returns the state of each effect."""


def blueprint(
    workflow: Workflow, changes: StatusChanges, undo: Undo, creation: Creation, edits: Edits, ledger: Ledger
) -> APIBlueprint:
    """The orders' routes."""
    routes = APIBlueprint("orders", __name__, abp_tags=[TAG])
    guards.protect(routes)
    _add_changes(routes, changes)
    _add_batch(routes, changes)
    undo_routes.add(routes, undo, changes.require_version)
    _add_creation(routes, creation)
    list_routes.add(routes, workflow)
    _add_reading(routes, workflow)
    add_edits(routes, edits, changes.require_version)
    _add_history(routes, ledger)
    _add_workflow(routes, workflow)
    return routes


def _add_changes(routes: APIBlueprint, changes: StatusChanges) -> None:
    @routes.patch(
        "/api/orders/<int:order_id>/status",
        summary="Change an order's status",
        **documented(
            Order,
            IllegalTransition,
            StaleVersion,
            IdempotencyMismatch,
            PreconditionRequired,
            OrderLocked,
            headers=("ETag", "Preference-Applied", "Onward-Effects"),
            shown=MOVED,
        ),
    )
    @typed
    def change_order_status(
        path: OrderPath,
        query: ChangeQuery,  # noqa: ARG001  it has refused what earlier versions took
        header: ChangeHeaders,
        body: ChangeOrderStatusRequest,
    ) -> Response:
        """Answered once the change is durable; live events, notifications and messages follow and cannot be lost."""
        key = conditions.idempotency_key(header.idempotency_key)
        version = conditions.version(header.if_match, changes.require_version)
        changed = changes.change(StatusChange(path.order_id, guards.current(), body, key, version))
        response = _order(changed)
        seconds = _preferred_wait(header.prefer)
        if seconds is not None:
            happened = changes.wait(changed, seconds)
            response.headers["Preference-Applied"] = f"wait={seconds}"
            response.headers["Onward-Effects"] = "done" if happened else "pending"
        return response


def _add_batch(routes: APIBlueprint, changes: StatusChanges) -> None:
    @routes.post(
        "/api/orders/status-changes",
        summary="Change the status of many orders",
        **documented(ChangeOrderStatusesResult, IdempotencyMismatch, PreconditionRequired),
    )
    @typed
    def change_order_statuses(header: KeyedHeaders, body: ChangeOrderStatusesRequest) -> Response:
        """The response is 200 whatever the results of the changes; each has a `status` of its own. With an
        Idempotency-Key the whole request can be repeated: changes already made are not made again. If writes are
        rate-limited, each change counts as one write, and those beyond the rate have a `status` of 429."""
        principal, key = guards.current(), conditions.idempotency_key(header.idempotency_key)
        if changes.require_version and not all(one.version for one in body.changes):
            raise PreconditionRequired("Give the version of each order.")
        wanted = [
            # A client's key cannot contain a space, so these never collide.
            StatusChange(one.order_id, principal, one, one.idempotency_key or (key and f"{key} {number}"), one.version)
            for number, one in enumerate(body.changes)
        ]
        allowed, refusal = guards.weigh(len(wanted))
        results = []
        for number, result in enumerate(Batch(changes, wanted[:allowed]).run()):
            results.append(_result(wanted[number].order_id, result))
            if number % 50 == 49:
                gevent.sleep(0)  # others have a turn
        results += [_result(one.order_id, refusal) for one in wanted[allowed:] if refusal]
        done = sum(one["status"] == 200 for one in results)
        members = {"changed": done, "refused": len(results) - done, "results": results}
        return Response(orjson.dumps(members), content_type=JSON)


def _add_creation(routes: APIBlueprint, creation: Creation) -> None:
    @routes.post(
        "/api/orders",
        summary="Create an order",
        **documented(Order, DuplicateNumber, IdempotencyMismatch, status=201, headers=("ETag",)),
    )
    @typed
    def create_order(header: KeyedHeaders, body: CreateOrderRequest) -> Response:
        """For the marketplace's own systems and operators; buyer and seller are given by the marketplace's ids."""
        principal = guards.require("service", "operator")
        key = conditions.idempotency_key(header.idempotency_key)
        return _order(creation.create(principal, body, key), status=201)


def _add_reading(routes: APIBlueprint, workflow: Workflow) -> None:
    @routes.get("/api/orders/<int:order_id>", summary="Read an order", **documented(Order, headers=("Onward-Cursor",)))
    @typed
    def get_order(path: OrderPath) -> Response:
        """`allowed_transitions` are the statuses to which you may change it; send the ETag in If-Match to do so."""
        text, version = queries.order(workflow, guards.current(), path.order_id)
        # The content may differ for the same version: by the reader's role, after an erasure.
        mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        return Response(text, headers={"ETag": f'"{version}-{mark}"'}, content_type=JSON)


def _add_history(routes: APIBlueprint, ledger: Ledger) -> None:
    @routes.get(
        "/api/orders/<int:order_id>/history",
        summary="Read an order's history",
        **documented(HistoryEntryPage, headers=("Link", "Onward-Cursor")),
    )
    @typed
    def get_order_history(path: OrderPath, query: HistoryQuery) -> Response:
        """Every change, oldest first: by whom, when, why, and the status of its effects."""
        principal = guards.current()
        events, cursor = queries.history(principal, path.order_id, query.cursor, query.limit)
        effects_of = ledger(path.order_id, {event.id: event.effect_bits for event in events})
        texts = [
            f'{event.text[:-1]},"effects":{orjson.dumps(_effects_seen(principal, effects_of[event.id])).decode()}}}'
            for event in events
        ]
        body = f'{{"events":[{",".join(texts)}],"next_cursor":{cursor or "null"}}}'
        return link_next(Response(body, content_type=JSON), cursor)


def _effects_seen(principal: Principal, effects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An effect's destination and error may contain the other side's address or name the operator's own systems: only
    operators and auditors see them. Everybody sees each effect and its status."""
    if principal.role in OPERATING:
        return effects
    seen = {(one["effect"], one["status"]): None for one in effects}  # several destinations may have the same state
    return [{"effect": effect, "status": status} for effect, status in seen]


def _add_workflow(routes: APIBlueprint, workflow: Workflow) -> None:
    published = {one: orjson.dumps(workflow.in_language(one).published()) for one in languages.LANGUAGES}
    tags = {one: hashlib.sha256(text).hexdigest()[:16] for one, text in published.items()}

    @routes.get(
        "/api/workflow",
        summary="Get the workflow: statuses, transitions, labels",
        **documented(OrderWorkflow, headers=("Content-Language", "Onward-Cursor")),
    )
    @typed
    def get_workflow() -> Response:
        """The table that this installation uses, in the language of its reader: build labels and buttons from it."""
        profiles.apply(guards.current())
        language = languages.current()
        response = Response(published[language], headers={"Cache-Control": "private, no-cache"}, content_type=JSON)
        response.content_language.add(language)
        response.vary.add("Accept-Language")
        response.set_etag(tags[language])
        return response


def _order(order: Changed, status: int = 200) -> Response:
    return Response(order.order, status, {"ETag": f'"{order.version}"'}, content_type=JSON)


def _result(order_id: int, result: Changed | AppError) -> dict[str, Any]:
    if isinstance(result, AppError):
        return {"order_id": order_id, "status": result.status, "problem": body_of(result)}
    return {"order_id": order_id, "status": 200, "order": orjson.Fragment(result.order)}


def _preferred_wait(prefer: str) -> int | None:
    """The seconds in `Prefer: wait=N` (RFC 7240, section 4.3), up to 30; anything else is ignored."""
    match = WAIT.search(prefer)
    return min(int(match[1]), LONGEST_WAIT_SECONDS) if match else None
