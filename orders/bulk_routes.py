"""Bulk changes over HTTP: start one, follow it, read its results, stop it."""

from __future__ import annotations

import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import keyed
from foundation.contract import typed
from foundation.documentation import documented
from foundation.paging import link_next
from orders import bulk_changes
from orders.bulk_changes import BulkChangeRunning, CountChanged, TooManyOrders
from orders.bulk_schemas import (
    BulkChangeJob,
    BulkChangeList,
    BulkChangePath,
    BulkChangeResultPage,
    BulkChangeState,
    BulkResultsQuery,
    StartBulkChangeRequest,
)
from orders.workflow import Workflow

JSON = "application/json"
TAG = {"name": "Bulk changes", "description": "Changing all orders that match a filter, in the background."}
STARTING = ("seller", "operator", "service")


def blueprint(workflow: Workflow) -> APIBlueprint:
    """Their routes."""
    routes = APIBlueprint("bulk_changes", __name__, abp_tags=[TAG])
    guards.protect(routes, *STARTING, "auditor", area="orders")
    _add_starting(routes, workflow)
    _add_reading(routes)
    return routes


def _add_starting(routes: APIBlueprint, workflow: Workflow) -> None:
    @routes.post(
        "/api/bulk-changes",
        summary="Change all orders that match",
        **documented(BulkChangeState, BulkChangeRunning, CountChanged, TooManyOrders, status=202),
    )
    @typed
    @keyed
    def start_bulk_change(body: StartBulkChangeRequest) -> Response:
        """Answered when the job and its orders are stored, up to 10,000; a person has one in progress at a time. Each
        order is changed in your name, exactly once, or skipped with the problem that a PATCH would have returned. The
        result is a notification in your inbox."""
        principal = guards.current()
        id = bulk_changes.start(workflow, principal, body.wanted())
        return _state(bulk_changes.bulk_change(principal, id), 202)

    @routes.post(
        "/api/bulk-changes/<int:bulk_change_id>/stop",
        summary="Stop a bulk change",
        **documented(BulkChangeState),
    )
    @typed
    @keyed
    def stop_bulk_change(path: BulkChangePath) -> Response:
        """For whoever started it, and operators. What was changed stays changed; a hundred orders may still follow."""
        return _state(bulk_changes.stop(guards.current(), path.bulk_change_id))


def _state(job: str, status: int = 200) -> Response:
    whole = orjson.loads(job)
    members = {name: whole[name] for name in BulkChangeState.model_fields}
    return Response(orjson.dumps(members), status, content_type=JSON)


def _add_reading(routes: APIBlueprint) -> None:
    @routes.get("/api/bulk-changes", summary="List bulk changes", **documented(BulkChangeList))
    @typed
    def list_bulk_changes() -> Response:
        """Your last ones; operators and auditors see everybody's."""
        return Response(f'{{"bulk_changes":{bulk_changes.latest(guards.current())}}}', content_type=JSON)

    @routes.get("/api/bulk-changes/<int:bulk_change_id>", summary="Read a bulk change", **documented(BulkChangeJob))
    @typed
    def get_bulk_change(path: BulkChangePath) -> Response:
        """How far it is; poll it every second or two."""
        return Response(bulk_changes.bulk_change(guards.current(), path.bulk_change_id), content_type=JSON)

    @routes.get(
        "/api/bulk-changes/<int:bulk_change_id>/orders",
        summary="Read the results of a bulk change",
        **documented(BulkChangeResultPage, headers=("Link",)),
    )
    @typed
    def get_bulk_change_results(path: BulkChangePath, query: BulkResultsQuery) -> Response:
        """Of each order, also while it is in progress."""
        found, cursor = bulk_changes.results(
            guards.current(), path.bulk_change_id, query.result, query.cursor, query.limit
        )
        body = f'{{"orders":[{",".join(found)}],"next_cursor":{cursor or "null"}}}'
        return link_next(Response(body, content_type=JSON), cursor)
