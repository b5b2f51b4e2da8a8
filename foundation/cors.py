"""Pages of other origins (CORS, WHATWG Fetch): none by default, otherwise those that are named exactly.

Cookies are never shared with them; they send a token, or have a tracking link.
"""

from __future__ import annotations

import re

from flask import Flask, Response, request

from foundation.documentation import HEADERS

ALLOWED = {"Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE", "Access-Control-Max-Age": "600"}

EXPOSED = ", ".join(HEADERS)
"""Every header that the contract names. Those that all pages may read anyway are not among them."""

HEADER_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}){0,63}")
"""Names of request headers: tracing, client libraries and polyfills add their own, so no list would be complete."""


SHARED = re.compile(r"/api/|/t/[^/]+/(?:status|stream)$")
"""Paths of what named origins may read."""


def always(origins: tuple[str, ...]) -> list[tuple[str, str]]:
    """The field of every response of the API, also to a request from no other origin; none if there are none."""
    return [("Vary", "Origin")] if origins else []


def init_app(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of these origins read the API's responses to their tokens."""
    if not origins:
        return

    @app.before_request
    def preflight() -> Response | None:
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204, headers=_allowed()) if asks and _from_elsewhere(origins) else None

    @app.after_request
    def share(response: Response) -> Response:
        if SHARED.match(request.path):
            response.vary.add("Origin")
            if _from_elsewhere(origins):
                response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
                response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response


def _from_elsewhere(origins: tuple[str, ...]) -> bool:
    return SHARED.match(request.path) is not None and request.headers.get("Origin") in origins


def _allowed() -> dict[str, str]:
    """What a named origin may send: whatever it asks for, since a header that is not read here does no harm."""
    asked = request.headers.get("Access-Control-Request-Headers", "").strip()
    wanted = {"Access-Control-Allow-Headers": asked} if HEADER_NAMES.fullmatch(asked) else {}
    return {**ALLOWED, **wanted, "Vary": "Access-Control-Request-Headers"}
