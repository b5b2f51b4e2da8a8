"""`GET /api/me`: who the service takes the caller for."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint

from access import guards

routes = APIBlueprint("access", __name__, abp_tags=[{"name": "Access"}])
guards.protect(routes)


@routes.get("/api/me", summary="See who you are to the service")
def me() -> Response:
    principal = guards.current()
    expires = datetime.fromtimestamp(principal.expires_at, UTC).isoformat() if principal.expires_at else None
    return jsonify(role=principal.role, id=principal.id, expires_at=expires)
