"""A dry run of a status change over HTTP: an operation of its own, which cannot make the change by mistake."""

from __future__ import annotations

import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from foundation.contract import OrderPath, typed
from foundation.documentation import documented
from foundation.errors import IdempotencyMismatch, PreconditionRequired
from orders import conditions
from orders.answers import DryRunResult
from orders.errors import IllegalTransition, StaleVersion
from orders.schemas import ChangeOrderStatusRequest, DryRunHeaders
from orders.status_change import StatusChange, StatusChanges


def blueprint(changes: StatusChanges) -> APIBlueprint:
    """Checking a change."""
    routes = APIBlueprint("dry-runs", __name__, abp_tags=[{"name": "Orders"}])
    guards.protect(routes, area="orders")

    @routes.post(
        "/api/orders/<int:order_id>/status/dry-run",
        summary="Check a status change without making it",
        **documented(DryRunResult, IllegalTransition, StaleVersion, IdempotencyMismatch, PreconditionRequired),
    )
    @typed
    def dry_run_order_status_change(path: OrderPath, header: DryRunHeaders, body: ChangeOrderStatusRequest) -> Response:
        """All checks of the change, with the same refusals. Nothing is written, and no key is used up."""
        key = conditions.idempotency_key(header.idempotency_key)
        version = conditions.version(header.if_match, changes.require_version)
        rehearsal = changes.rehearse(StatusChange(path.order_id, guards.current(), body, key, version))
        members = {
            "from": rehearsal.source,
            "to": rehearsal.target,
            "correction": rehearsal.correction,
            "done_before": rehearsal.done_before,
            "order": rehearsal.order,
            "effects": rehearsal.effects,
        }
        return Response(orjson.dumps(members), content_type="application/json")

    return routes
