"""Side effects for operators, over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from foundation.contract import LARGEST_ID, Body, Id, Query, typed
from foundation.errors import InvalidRequest
from side_effects import operating
from side_effects.engine import Engine
from side_effects.operating import Selection

JSON = "application/json"
Words = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=500)]


class EffectsQuery(Query):
    """Newest first; `cursor` is the `next_cursor` of the page before."""

    status: Literal["pending", "running", "succeeded", "dead", "discarded"] | None = None
    kind: str | None = pydantic.Field(None, max_length=200)
    destination: str | None = pydantic.Field(None, max_length=500)
    fingerprint: str | None = pydantic.Field(None, max_length=200)
    cursor: Id = LARGEST_ID
    limit: int = pydantic.Field(50, ge=1, le=200)


class Chosen(Body):
    """Which dead letters are meant: all named conditions hold, and one at least has to be named."""

    ids: Annotated[list[Id], pydantic.Field(max_length=1000, default_factory=list)]
    kind: Words | None = None
    fingerprint: str | None = None
    destination: Words | None = None

    def selection(self) -> Selection:
        chosen = Selection(tuple(self.ids), self.kind, self.fingerprint, self.destination)
        if chosen == Selection():
            raise InvalidRequest("Name ids, kind, fingerprint or destination.")
        return chosen


class Redelivery(Chosen):
    per_second: Annotated[float, pydantic.Field(ge=0.01, le=1000)] = 10


class Discard(Chosen):
    reason: Words


class CircuitAction(Body):
    destination: Words
    action: Literal["pause", "resume"]
    reason: Annotated[str, pydantic.StringConstraints(max_length=500)] = ""


class NewMode(Body):
    mode: Literal["background", "sequential"]
    kind: Words = "*"


def blueprint(engine: Engine) -> APIBlueprint:
    """The operators' routes."""
    routes = APIBlueprint("ops", __name__, abp_tags=[{"name": "Operators"}])
    guards.protect(routes)
    routes.before_request(_operators_only)
    _add_effects(routes, engine)
    _add_circuits(routes)
    _add_mode(routes)
    return routes


def _add_effects(routes: APIBlueprint, engine: Engine) -> None:
    @routes.get("/api/ops/side-effects", summary="List side effects")
    @typed
    def list_effects(query: EffectsQuery) -> Response:
        chosen = Selection((), query.kind, query.fingerprint, query.destination)
        rows, cursor = operating.page(engine.topics, query.status, chosen, query.cursor, query.limit)
        return Response(f'{{"side_effects":{rows},"next_cursor":{cursor or "null"}}}', content_type=JSON)

    @routes.get("/api/ops/side-effects/groups", summary="See dead letters by kind and error")
    @typed
    def list_groups() -> Response:
        return _json({"groups": operating.groups()})

    @routes.post("/api/ops/side-effects/redeliver", summary="Give dead letters a fresh start")
    @typed
    def redeliver(body: Redelivery) -> Response:
        return _json({"count": operating.redeliver(_actor(), body.selection(), body.per_second)})

    @routes.post("/api/ops/side-effects/discard", summary="Give dead letters up for good")
    @typed
    def discard(body: Discard) -> Response:
        return _json({"count": operating.discard(_actor(), body.selection(), body.reason)})


def _add_circuits(routes: APIBlueprint) -> None:
    @routes.get("/api/ops/side-effects/circuits", summary="See the destinations' circuits")
    @typed
    def list_circuits() -> Response:
        return _json({"circuits": operating.circuits()})

    @routes.post("/api/ops/side-effects/circuits", summary="Pause or resume a destination")
    @typed
    def act_on_circuit(body: CircuitAction) -> Response:
        act = operating.pause if body.action == "pause" else operating.resume
        act(_actor(), body.destination, body.reason)
        return _json({"circuits": operating.circuits()})


def _add_mode(routes: APIBlueprint) -> None:
    @routes.post("/api/ops/side-effects/mode", summary="Do effects in the background or before the answer")
    @typed
    def set_mode(body: NewMode) -> Response:
        operating.set_mode(_actor(), body.mode, body.kind)
        return _json({"mode": body.mode, "kind": body.kind})

    @routes.get("/api/ops/side-effects/actions", summary="See what operators did")
    @typed
    def list_actions() -> Response:
        return _json({"actions": operating.actions()})


def _operators_only() -> None:
    guards.require("operator")


def _actor() -> str:
    principal = guards.current()
    return f"{principal.role} {principal.id}"


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), content_type=JSON)
