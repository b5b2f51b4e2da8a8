"""Tickets for streams; for operators: revocations and API keys."""

from __future__ import annotations

import orjson
from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint

from access import api_keys, guards, revocations, tickets
from access.idempotency import keyed, keyed_secretly
from access.schemas import (
    ApiKeyList,
    CreateApiKeyRequest,
    CreateApiKeyResult,
    RevocationResult,
    RevokeApiKeyRequest,
    RevokeTokensRequest,
    StreamTicket,
)
from foundation.contract import typed
from foundation.documentation import documented
from foundation.errors import Forbidden, NotFound

TAG = {"name": "Access", "description": "Tickets for streams, API keys, and revocations."}

listening = APIBlueprint("tickets", __name__, abp_tags=[TAG])
guards.protect(listening, area="realtime", reads=True)

operating = APIBlueprint("access-ops", __name__, abp_tags=[TAG])
guards.protect(operating, "operator", "auditor", area="ops")


@listening.post("/api/stream-tickets", summary="Create a stream ticket", **documented(StreamTicket, status=201))
@typed
@keyed_secretly
def create_stream_ticket() -> Response:
    """For clients that cannot send a header: it opens one stream, with the rights of the credential that made it."""
    ticket = {"ticket": tickets.issue(guards.current()), "seconds": tickets.TICKET_SECONDS}
    return Response(orjson.dumps(ticket), 201, content_type="application/json")


@operating.post("/api/ops/revocations", summary="Revoke tokens", **documented(RevocationResult))
@typed
@keyed
def revoke_tokens(body: RevokeTokensRequest) -> Response:
    """For operators: one token, or all tokens issued to a principal until now; every process refuses them within a
    second. An API key cannot revoke credentials of operators and auditors: a leaked key must not lock them out."""
    if body.role in api_keys.OVERSEEING and guards.current().scopes is not None:
        raise Forbidden("An API key cannot revoke credentials of operators and auditors. Sign in, or send a token.")
    revocations.revoke(body.subject, guards.actor(), body.reason)
    return jsonify(revoked=body.subject)


@operating.get("/api/ops/keys", summary="List API keys", **documented(ApiKeyList))
@typed
def list_api_keys() -> Response:
    """For operators and auditors: all keys, also revoked and expired ones."""
    return Response(orjson.dumps({"keys": api_keys.listed()}), content_type="application/json")


@operating.post("/api/ops/keys", summary="Create an API key", **documented(CreateApiKeyResult, status=201))
@typed
@keyed_secretly
def create_api_key(body: CreateApiKeyRequest) -> Response:
    """For operators, who create operator keys only under their own id. A key can only create keys without additional
    rights: the same role and id, no additional scope, no later expiry; revoking it revokes them too."""
    id, key = api_keys.create(body.key(), guards.actor(), guards.current())
    return Response(orjson.dumps({"id": id, "key": key}), 201, content_type="application/json")


@operating.post(
    "/api/ops/keys/revoke",
    summary="Revoke an API key",
    **documented(RevocationResult, NotFound, shown={"revoked": "key:1"}),
)
@typed
@keyed
def revoke_api_key(body: RevokeApiKeyRequest) -> Response:
    """For operators. All keys created with it are revoked too."""
    api_keys.end(body.id, guards.actor(), body.reason, guards.current())
    return jsonify(revoked=f"key:{body.id}")
