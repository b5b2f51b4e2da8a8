"""The people of accounts, for operators: list, add, disable, sign out, delete."""

from __future__ import annotations

import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards, people
from access.api_keys import OVERSEEING
from access.idempotency import keyed, keyed_after, keyed_secretly
from access.parts import access_of
from access.profile_schemas import SellerPath
from foundation.contract import typed
from foundation.db import commit
from foundation.documentation import documented
from foundation.errors import Forbidden, NotFound
from operations import actions, staff
from operations.people_schemas import (
    CreatePersonRequest,
    CreatePersonResult,
    DeletePersonRequest,
    DisablePersonRequest,
    EnablePersonRequest,
    PeopleQuery,
    PersonAccountList,
    PersonResult,
    RevokeSessionsRequest,
)

JSON = "application/json"
TAG = {"name": "People", "description": "For operators: who signs in, and for which account."}

routes = APIBlueprint("people", __name__, abp_tags=[TAG])
guards.protect(routes, "operator", "auditor", area="ops")


shops = APIBlueprint("staff", __name__, abp_tags=[TAG])
guards.protect(shops, "seller", "operator", "auditor", area="sellers")


@shops.get("/api/sellers/<int:seller_id>/people", summary="List a shop's people", **documented(PersonAccountList))
@typed
def list_seller_people(path: SellerPath) -> Response:
    """Who signs in for the shop: for the seller itself, and for operators and auditors."""
    if guards.current().seller_id not in (None, path.seller_id):
        raise Forbidden("A shop's people are listed for the shop itself.")
    return _json({"people": people.everyone("seller", path.seller_id)})


@routes.get("/api/ops/people", summary="List people", **documented(PersonAccountList))
@typed
def list_people(query: PeopleQuery) -> Response:
    """For operators and auditors: the people of a shop, or all."""
    return _json({"people": people.everyone(query.role, query.id)})


@routes.post("/api/ops/people", summary="Add a person", **documented(CreatePersonResult, status=201))
@typed
@keyed_secretly
def create_person(body: CreatePersonRequest) -> Response:
    """For operators. The response has the link with which the person chooses a password. An API key cannot add people,
    whose rights have no scopes."""
    _refuse_limited()
    person = people.add(body.email, body.name, body.role, body.id)
    _record("add person", f"{body.role} {body.id}", "")
    return _json({"id": person.id, "link": access_of().password_links.address(person)}, 201)


@routes.post("/api/ops/people/disable", summary="Disable a person's account", **documented(PersonResult, NotFound))
@typed
@keyed
def disable_person(body: DisablePersonRequest) -> Response:
    """For operators. Its sessions end within a second; the history goes on naming the person, as a former member."""
    whom = people.disable(_email(body.id), guards.actor(), body.reason)
    return _done(body.id, "disable person", whom, body.reason)


@routes.post("/api/ops/people/enable", summary="Enable a person's account", **documented(PersonResult, NotFound))
@typed
@keyed
def enable_person(body: EnablePersonRequest) -> Response:
    """For operators. Sessions that ended stay ended; an API key cannot do it."""
    _refuse_limited()
    people.enable(people.by_id(body.id).email)
    return _done(body.id, "enable person", f"person {body.id}", "")


@routes.post("/api/ops/people/revoke", summary="End a person's sessions", **documented(PersonResult, NotFound))
@typed
@keyed
def revoke_sessions(body: RevokeSessionsRequest) -> Response:
    """For operators. All of them end within a second, and the links to choose a password; the account stays."""
    people.end_sessions(_email(body.id), guards.actor(), body.reason)
    return _done(body.id, "revoke sessions", f"person {body.id}", body.reason)


@routes.post("/api/ops/people/delete", summary="Delete a person's account", **documented(PersonResult, NotFound))
@typed
@keyed_after(lambda body: staff.take_out(_email(body.id), guards.actor(), body.reason))
def delete_person(body: DeletePersonRequest, done: int) -> Response:
    """For operators. The name is erased everywhere, for good: the history says `former member`."""
    staff.end(_email(body.id), guards.actor(), body.reason, done)
    return _json({"id": body.id})


def _email(id: int) -> str:
    """The address of this account; raises NotFound, and Forbidden where an API key may not end it."""
    person = people.by_id(id)
    if guards.current().scopes is not None and person.role in OVERSEEING:
        raise Forbidden("An API key cannot end accounts of operators and auditors. Sign in, or send a token.")
    return person.email


def _refuse_limited() -> None:
    """Raise Forbidden for who has fewer rights than the account would: an API key, and what ends with the demo."""
    principal = guards.current()
    if principal.scopes is not None or principal.demo:
        raise Forbidden(
            "An API key, or a button of the demo, cannot give accounts to people. Sign in, or send a token."
        )


def _done(id: int, action: str, target: str, reason: str) -> Response:
    _record(action, target, reason)
    return _json({"id": id})


def _record(action: str, target: str, reason: str) -> None:
    actions.record(guards.actor(), action, target, reason, 1)
    commit()


def _json(members: object, status: int = 200) -> Response:
    return Response(orjson.dumps(members), status, content_type=JSON)
