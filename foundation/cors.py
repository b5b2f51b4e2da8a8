"""Pages of other origins (CORS, WHATWG Fetch): none by default, otherwise those that are named exactly.

Cookies are never shared with them; they send a token.
"""

from __future__ import annotations

from flask import Flask, Response, request

ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, "
    "Last-Event-ID, X-Request-ID",
    "Access-Control-Max-Age": "600",
}
EXPOSED = "ETag, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-ID, Preference-Applied, Onward-Effects"


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
        return Response(status=204, headers=ALLOWED) if asks and _from_elsewhere(origins) else None

    @app.after_request
    def share(response: Response) -> Response:
        if request.path.startswith("/api/"):
            response.vary.add("Origin")
            if _from_elsewhere(origins):
                response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
                response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response


def _from_elsewhere(origins: tuple[str, ...]) -> bool:
    return request.path.startswith("/api/") and request.headers.get("Origin") in origins
