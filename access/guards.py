"""The question every protected request is asked first: who is it, and may this role do that?"""

from __future__ import annotations

from collections.abc import Callable, Collection

from flask import Blueprint, Flask, Request, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect

from access.principal import ROLES, Principal
from access.tokens import Tokens
from foundation.contract import LARGEST_ID
from foundation.errors import Forbidden, Unauthorized
from foundation.settings import Settings

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

csrf = CSRFProtect()

RIGHTS_LOST: list[Callable[[Collection[str]], Collection[str]]] = []
"""Whatever takes rights away adds a function here that tells which of the people it is given have lost theirs."""


class Sessions(SecureCookieSessionInterface):
    """The signed cookie, which nobody opens for a request that brings a token: that was 3 % of a PATCH."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return None if "Authorization" in request.headers else super().open_session(app, request)


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its tokens and its signed session cookie."""
    app.extensions["onward.tokens"] = Tokens.of(settings)
    app.extensions["onward.sessions"] = settings.demo
    app.session_interface = Sessions()
    app.config.update(
        SECRET_KEY=settings.jwt_secret,
        SESSION_COOKIE_NAME="onward_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.cookie_secure,
        # Asked for below, and only of those who come with a cookie: a bearer token cannot be forged by a site.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    csrf.init_app(app)


def protect(blueprint: Blueprint) -> None:
    """Let nobody reach this blueprint's views without a principal."""
    blueprint.before_request(authenticate)


def authenticate() -> None:
    """Find out who is asking; raises Unauthorized, or a CSRF error for a cookie that is used from elsewhere."""
    principal = identify()
    if principal is None:
        raise Unauthorized("Send a bearer token, or sign in.")
    if principal.from_session and request.method not in SAFE_METHODS:
        csrf.protect()
    g.principal = principal


def identify() -> Principal | None:
    """The principal of this request, or None; a token that is sent and not valid is an error, never anonymous."""
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorized("Only bearer tokens are understood.")
        tokens: Tokens = current_app.extensions["onward.tokens"]
        return tokens.verify(token.strip())
    return _signed_in()


def current() -> Principal:
    """The principal that `authenticate` found for this request."""
    principal: Principal = g.principal
    return principal


def require(*roles: str) -> Principal:
    """The current principal, if it has one of these roles; raises Forbidden otherwise."""
    principal = current()
    if principal.role not in roles:
        raise Forbidden(f"This is for the role {' or '.join(roles)}.")
    return principal


def rights_lost(people: Collection[str]) -> Collection[str]:
    """Who of these (`buyer:42`) may not listen any more; asked of open streams. Nothing but time takes rights yet."""
    return [who for lost in RIGHTS_LOST for who in lost(people)]


def sign_in(principal: Principal) -> None:
    """Remember this principal in the signed session cookie."""
    session.clear()
    session["role"], session["id"] = principal.role, str(principal.id)


def sign_out() -> None:
    session.clear()


def _signed_in() -> Principal | None:
    # Only the demo's buttons make sessions, and they ask for no password: what they made must end with the demo.
    if not current_app.extensions["onward.sessions"]:
        return None
    role, subject = session.get("role"), session.get("id", "")
    if role not in ROLES or not subject.isdigit() or not 0 < int(subject) <= LARGEST_ID:
        return None
    return Principal(role, int(subject), from_session=True)
