"""The current principal, and the profiles of people and sellers, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Response, request
from flask_openapi.blueprint import APIBlueprint

from access import api_keys, guards, profiles, sellers
from access.idempotency import keyed_personally
from access.parts import access_of
from access.profile_schemas import (
    ChangeProfileRequest,
    CurrentPrincipal,
    IfMatchHeaders,
    SellerPath,
    SellerProfile,
    SetSellerProfileRequest,
)
from access.sellers import StaleProfile
from foundation.contract import typed
from foundation.db import commit
from foundation.documentation import documented
from foundation.errors import InvalidRequest, NotFound

JSON = "application/json"
TAG = {"name": "Profiles", "description": "The current principal, and the profiles of people and sellers."}

# A profile is the person's own: who only reads the business of the marketplace has one too.
personal = APIBlueprint("profile", __name__, abp_tags=[TAG])
guards.protect(personal, area="", reads=True)

shops = APIBlueprint("sellers", __name__, abp_tags=[TAG])
guards.protect(shops)


@personal.get("/api/me", summary="Get the current principal", **documented(CurrentPrincipal))
@typed
def get_principal() -> Response:
    """Whom the credential belongs to, by whom or what it acts, and until when it is valid."""
    return _json(_current())


@personal.patch("/api/me", summary="Change your profile", **documented(CurrentPrincipal))
@typed
@keyed_personally
def change_profile(body: ChangeProfileRequest) -> Response:
    """For people who have signed in; a token or an API key has no profile. Pages show a new name within a
    minute."""
    principal = guards.current()
    profiles.change_profile(principal, body.given)
    commit(lambda: access_of().credentials.forget(principal))
    return _json(_current())


@shops.get("/api/sellers/<int:seller_id>", summary="Get a seller's profile", **documented(SellerProfile, NotFound))
@typed
def get_seller_profile(path: SellerPath) -> Response:
    """Name, logo, colour and hours, for everybody; pages and e-mails show them to buyers."""
    return _shop(sellers.seller(guards.current(), path.seller_id))


@shops.put(
    "/api/sellers/<int:seller_id>",
    summary="Set a seller's profile",
    **documented(SellerProfile, StaleProfile, headers=("ETag",)),
)
@typed
def set_seller_profile(path: SellerPath, header: IfMatchHeaders, body: SetSellerProfileRequest) -> Response:
    """By the seller, operators and services. Mail to the seller's buyers has `reply_to` as Reply-To."""
    principal = guards.current()
    sellers.set_seller(principal, path.seller_id, body.model_dump(), lambda version: _matches(header.if_match, version))
    return _shop(sellers.seller(principal, path.seller_id))


def _matches(if_match: str, version: int | None) -> bool:
    """Whether If-Match (RFC 9110, section 13.1.1) allows a change of this version."""
    tags = request.if_match
    if if_match and not tags:
        raise InvalidRequest('If-Match must be an ETag of the profile, such as "3", or *.')
    return not if_match or (version is not None and (tags.star_tag or tags.contains_weak(str(version))))


def _current() -> dict[str, Any]:
    principal = guards.current()
    ends = principal.expires_at
    return {
        "role": principal.role,
        "id": principal.id,
        "expires_at": datetime.fromtimestamp(ends, UTC).isoformat() if ends else None,
        "person": profiles.profile_of(principal),
        "api_key": api_keys.acting(principal),
    }


def _shop(profile: dict[str, Any]) -> Response:
    response = _json(profile)
    response.set_etag(str(profile["version"]))
    return response


def _json(members: dict[str, Any]) -> Response:
    return Response(orjson.dumps(members), content_type=JSON)
