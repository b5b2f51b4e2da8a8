"""Side effects for operators, over HTTP."""

from __future__ import annotations

import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import keyed
from foundation.contract import typed
from foundation.documentation import documented
from foundation.errors import InvalidRequest, NotFound
from foundation.paging import link_next
from operations import actions
from operations.actions import Selection
from operations.schemas import (
    Actions,
    CircuitAction,
    Circuits,
    Count,
    Discard,
    EffectsQuery,
    Groups,
    ModeOut,
    NewMode,
    Redelivery,
    SideEffectsOut,
)
from outbox.engine import Engine

JSON = "application/json"


def blueprint(engine: Engine) -> APIBlueprint:
    """The operators' routes."""
    routes = APIBlueprint("ops", __name__, abp_tags=[{"name": "Operators"}])
    guards.protect(routes, "operator", "auditor")
    _add_effects(routes, engine)
    _add_circuits(routes)
    _add_mode(routes, engine)
    return routes


def _add_effects(routes: APIBlueprint, engine: Engine) -> None:
    @routes.get("/api/ops/side-effects", summary="List side effects", **documented(SideEffectsOut, headers=("Link",)))
    @typed
    def list_effects(query: EffectsQuery) -> Response:
        chosen = Selection((), query.kind, query.fingerprint, query.destination)
        rows, cursor = actions.page(engine.event_types, query.status, chosen, query.cursor, query.limit)
        body = f'{{"side_effects":{rows},"next_cursor":{cursor or "null"}}}'
        return link_next(Response(body, content_type=JSON), cursor)

    @routes.get("/api/ops/side-effects/groups", summary="Group dead letters by kind and error", **documented(Groups))
    @typed
    def list_groups() -> Response:
        return _json({"groups": actions.groups()})

    @routes.post("/api/ops/side-effects/redeliver", summary="Redeliver dead letters", **documented(Count))
    @typed
    @keyed
    def redeliver(body: Redelivery) -> Response:
        return _json({"count": actions.redeliver(guards.actor(), body.selection(), body.per_second)})

    @routes.post("/api/ops/side-effects/discard", summary="Discard dead letters", **documented(Count))
    @typed
    @keyed
    def discard(body: Discard) -> Response:
        return _json({"count": actions.discard(guards.actor(), body.selection(), body.reason)})


def _add_circuits(routes: APIBlueprint) -> None:
    @routes.get("/api/ops/side-effects/circuits", summary="List circuits", **documented(Circuits))
    @typed
    def list_circuits() -> Response:
        return _json({"circuits": actions.circuits()})

    @routes.post(
        "/api/ops/side-effects/circuits", summary="Pause or resume a destination", **documented(Circuits, NotFound)
    )
    @typed
    @keyed
    def act_on_circuit(body: CircuitAction) -> Response:
        act = actions.pause if body.action == "pause" else actions.resume
        act(guards.actor(), body.destination, body.reason)
        return _json({"circuits": actions.circuits()})


def _add_mode(routes: APIBlueprint, engine: Engine) -> None:
    @routes.post(
        "/api/ops/side-effects/mode",
        summary="Set the mode of side effects",
        **documented(ModeOut, InvalidRequest),
    )
    @typed
    @keyed
    def set_mode(body: NewMode) -> Response:
        actions.set_mode(guards.actor(), body.mode, body.kind, engine.kinds)
        return _json({"mode": body.mode, "kind": body.kind})

    @routes.get("/api/ops/side-effects/actions", summary="List operators' actions", **documented(Actions))
    @typed
    def list_actions() -> Response:
        return _json({"actions": actions.actions()})


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), content_type=JSON)
