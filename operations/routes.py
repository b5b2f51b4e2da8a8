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
from operations import actions, listing
from operations.qualifiers import Qualifiers
from operations.schemas import (
    ChangeCircuitRequest,
    CircuitList,
    DeadLetterCount,
    DeadLetterGroupList,
    DiscardDeadLettersRequest,
    ModeList,
    OperatorActionList,
    RedeliverDeadLettersRequest,
    SetSideEffectsModeRequest,
    SideEffectCounts,
    SideEffectDetail,
    SideEffectPage,
    SideEffectPath,
    SideEffectsMode,
    SideEffectsQuery,
)
from outbox.engine import Engine

JSON = "application/json"

TAG = {"name": "Operators", "description": "Side effects that have a row of their own: dead letters, circuits, modes."}


def blueprint(engine: Engine, qualifiers: Qualifiers) -> APIBlueprint:
    """The operators' routes."""
    routes = APIBlueprint("ops", __name__, abp_tags=[TAG])
    guards.protect(routes, "operator", "auditor")
    _add_effects(routes, engine, qualifiers)
    _add_dead_letters(routes)
    _add_circuits(routes)
    _add_mode(routes, engine)
    return routes


def _add_effects(routes: APIBlueprint, engine: Engine, qualifiers: Qualifiers) -> None:
    @routes.get("/api/ops/side-effects", summary="List side effects", **documented(SideEffectPage, headers=("Link",)))
    @typed
    def list_side_effects(query: SideEffectsQuery) -> Response:
        """For operators and auditors, newest first. A page may be short or empty although another one follows."""
        chosen = query.selection(qualifiers.read(query.q or ""))
        rows, cursor = listing.page(engine.event_types, chosen, query.cursor, query.limit)
        body = f'{{"side_effects":{rows},"next_cursor":{cursor or "null"}}}'
        return link_next(Response(body, content_type=JSON), cursor)

    @routes.get(
        "/api/ops/side-effects/<int:side_effect_id>",
        summary="Get a side effect",
        **documented(SideEffectDetail, NotFound),
    )
    @typed
    def get_side_effect(path: SideEffectPath) -> Response:
        """For operators and auditors, with its last 20 attempts."""
        return Response(listing.one(engine.event_types, path.side_effect_id), content_type=JSON)

    @routes.get(
        "/api/ops/side-effects/counts", summary="Get the number of side effects", **documented(SideEffectCounts)
    )
    @typed
    def get_side_effect_counts() -> Response:
        """For operators and auditors: how many are pending, running and dead. Each is counted up to 10,000."""
        return in_json(listing.counts())


def _add_dead_letters(routes: APIBlueprint) -> None:
    @routes.get(
        "/api/ops/side-effects/groups",
        summary="Group dead letters by kind and error",
        **documented(DeadLetterGroupList),
    )
    @typed
    def list_dead_letter_groups() -> Response:
        """For operators and auditors: which errors there are, and how often, most frequent first."""
        return in_json({"groups": actions.groups()})

    @routes.post("/api/ops/side-effects/redeliver", summary="Redeliver dead letters", **documented(DeadLetterCount))
    @typed
    @keyed
    def redeliver_dead_letters(body: RedeliverDeadLettersRequest) -> Response:
        """For operators. At most 10,000 per request are scheduled anew, spread over time by `per_second`."""
        return in_json({"count": actions.redeliver(guards.actor(), body.selection(), body.per_second)})

    @routes.post("/api/ops/side-effects/discard", summary="Discard dead letters", **documented(DeadLetterCount))
    @typed
    @keyed
    def discard_dead_letters(body: DiscardDeadLettersRequest) -> Response:
        """For operators. At most 10,000 per request are given up for good; the reason is recorded."""
        return in_json({"count": actions.discard(guards.actor(), body.selection(), body.reason)})


def _add_circuits(routes: APIBlueprint) -> None:
    @routes.get("/api/ops/side-effects/circuits", summary="List circuits", **documented(CircuitList))
    @typed
    def list_circuits() -> Response:
        """For operators and auditors: destinations that were ever called, first those that are not called now."""
        return in_json({"circuits": actions.circuits()})

    @routes.post(
        "/api/ops/side-effects/circuits", summary="Pause or resume a destination", **documented(CircuitList, NotFound)
    )
    @typed
    @keyed
    def change_circuit(body: ChangeCircuitRequest) -> Response:
        """For operators. While a destination is paused, its side effects wait, and no attempt is counted."""
        act = actions.pause if body.action == "pause" else actions.resume
        act(guards.actor(), body.destination, body.reason)
        return in_json({"circuits": actions.circuits()})


def _add_mode(routes: APIBlueprint, engine: Engine) -> None:
    @routes.get("/api/ops/side-effects/modes", summary="List the modes that were set", **documented(ModeList))
    @typed
    def list_side_effects_modes() -> Response:
        """For operators and auditors: what overrides SIDE_EFFECTS_MODE."""
        return in_json({"modes": [{"kind": kind, "mode": mode} for kind, mode in actions.modes_set().items()]})

    @routes.post(
        "/api/ops/side-effects/mode",
        summary="Set the mode of side effects",
        **documented(SideEffectsMode, InvalidRequest),
    )
    @typed
    @keyed
    def set_side_effects_mode(body: SetSideEffectsModeRequest) -> Response:
        """For operators. Holds in all processes within seconds, and until it is set again."""
        actions.set_mode(guards.actor(), body.mode, body.kind, engine.kinds)
        return in_json({"mode": body.mode, "kind": body.kind})

    @routes.get("/api/ops/side-effects/actions", summary="List operators' actions", **documented(OperatorActionList))
    @typed
    def list_operator_actions() -> Response:
        """For operators and auditors: who did what, when and why; the newest 100."""
        return in_json({"actions": actions.actions()})


def in_json(value: object) -> Response:
    """A response with this as its body."""
    return Response(orjson.dumps(value), content_type=JSON)
