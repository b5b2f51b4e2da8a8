"""Authenticates each protected request and checks that its role is allowed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, g, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.security_scheme import SecurityScheme
from flask_wtf.csrf import CSRFError

from access import sessions, tickets
from access.credentials import Credentials
from access.parts import access_of
from access.principal import ROLES, Principal
from foundation.error_handlers import problem
from foundation.errors import CsrfFailed, Forbidden, TooManyRequests, Unauthorized

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

SECURITY: dict[str, SecurityScheme | dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A signed token, or an API key, which is limited by its scopes. (The service's own pages use a "
        "session cookie instead, and for requests other than GET also the page's CSRF token in `X-CSRFToken`.)",
    },
}
"""The security scheme of the OpenAPI document: one, since generated clients put their token wherever a scheme of their
operation says. A ticket is a parameter and no scheme: it stands in a URL, where a token must never be."""

AREAS: set[str] = set()
"""Areas of the API that a key can be limited to; each protected blueprint is one."""


def init_app(app: Flask) -> None:
    """Refuse a forged request as a problem, and have each response report its rate."""
    app.register_error_handler(CSRFError, _forged)
    app.after_request(_add_rate)


@dataclass(frozen=True)
class Rule:
    """Who is admitted, and how."""

    roles: Collection[str] = ROLES
    area: str = ""
    """API keys need the scope `<area>:read` or `<area>:write`; empty if they need none."""

    reads: bool = False
    """True if POST requests change nothing either."""

    tickets: bool = False
    """Whether a ticket in the query is accepted as a credential."""


def protect(blueprint: Blueprint, *roles: str, area: str | None = None, **more: bool) -> None:
    """Admit only these roles (none given: all) to this blueprint's views; its name is the area unless one is given."""
    rule = Rule(roles or ROLES, blueprint.name if area is None else area, **more)
    AREAS.update([rule.area] if rule.area else [])
    blueprint.before_request(partial(authenticate, rule))
    if isinstance(blueprint, APIBlueprint):
        blueprint.abp_security = [{"bearer": []}, *([{}] if rule.tickets else [])]


def scopes() -> list[str]:
    """All scopes."""
    return [f"{area}:{verb}" for area in sorted(AREAS) for verb in ("read", "write")]


def authenticate(rule: Rule) -> None:
    """Authenticate the request; raises Unauthorized, Forbidden, or a CSRF error for a cookie used from another site."""
    principal = _by_ticket() if rule.tickets and "ticket" in request.args else identify()
    if principal is None:
        raise Unauthorized("Send a bearer token, or sign in.")
    if principal.role not in rule.roles:
        raise Forbidden(f"This requires the role {' or '.join(rule.roles)}.")
    safe = request.method in SAFE_METHODS
    principal.permit(rule.area, safe or rule.reads)
    # The view of a stream counts it, and refuses it in its own way: EventSource never comes back after a 429.
    if not rule.tickets:
        count(principal, safe)
    if principal.from_session:
        # A stream changes nothing, but it could stay open as long as the other site likes.
        if rule.tickets and _from_elsewhere():
            raise CsrfFailed("Other sites may not open streams with this cookie.")
        if not safe:
            sessions.csrf.protect()
    g.principal = principal


def count(principal: Principal, reading: bool) -> None:
    """Count one request of a principal, whose response reports the rate; raises TooManyRequests beyond it."""
    g.rate = access_of().limits.take(principal.who, reading)


def count_message() -> None:
    """Count a message of the current person; raises TooManyRequests beyond the rate."""
    principal = current()
    access_of().limits.take_message(principal.who, principal.via)


def weigh(writes: int) -> tuple[int, TooManyRequests | None]:
    """How many of a request's writes may be made, given that it was admitted as one write, and the error for the
    others."""
    more, g.rate, refusal = access_of().limits.take_more(current().who, writes - 1)
    return 1 + more, refusal


def _add_rate(response: Response) -> Response:
    response.headers.extend(g.get("rate", ()))
    return response


def _from_elsewhere() -> bool:
    """Whether a page of another site sent this request, according to the browser (Fetch Metadata, Origin)."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return site not in ("same-origin", "none") or (origin is not None and urlsplit(origin).netloc != request.host)


def _by_ticket() -> Principal:
    if "Authorization" in request.headers:
        # RFC 6750, section 2: a request proves who sent it in one way.
        raise Unauthorized("Send a ticket or a token, not both.")
    tokens = access_of().credentials.tokens
    return tickets.redeem(request.args["ticket"], tokens.revocations, tokens.demo)


def identify() -> Principal | None:
    """The principal of this request, or None; an invalid token is an error, never anonymous."""
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("Only bearer tokens are supported.")
        return access_of().credentials.verify(token.strip())
    return sessions.principal()


def recognise(credentials: Credentials, header: str) -> Principal | None:
    """The principal of a read with this signed token, before Flask starts; None if `authenticate` has more to check.

    Raises Unauthorized for an invalid token.
    """
    scheme, _, token = header.partition(" ")
    return credentials.verify_once(token.strip()) if scheme.lower() == "bearer" else None


def current() -> Principal:
    """The principal that `authenticate` found for this request."""
    principal: Principal = g.principal
    return principal


def actor() -> str:
    """The name of the current principal in the audit trail."""
    principal = current()
    return f"{principal.role} {principal.id}"


def via() -> str | None:
    """By what the current principal acts, for the audit trail; None for a plain token, and outside of requests."""
    principal: Principal | None = g.get("principal")
    return principal.via if principal else None


def require(*roles: str) -> Principal:
    """The current principal if it has one of these roles; raises Forbidden otherwise."""
    principal = current()
    if principal.role not in roles:
        raise Forbidden(f"This requires the role {' or '.join(roles)}.")
    return principal


def _forged(_error: CSRFError) -> Response:
    return problem(CsrfFailed())
