"""Browser sessions: a signed cookie that contains a person's session key, and a name of its own.

A session ends when it is idle, when it is old, when its person signs out, and when all sessions of the person are
ended.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from flask import Flask, Request, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user

from access import revocations
from access.credentials import Credentials
from access.csrf import MaskedCsrf
from access.parts import access_of
from access.people import Person
from access.principal import DEMO, ROLES, Principal
from foundation import clock
from foundation.contract import LARGEST_ID
from foundation.settings import Settings

TOUCH_SECONDS = 60
"""Precision of the last use: the cookie is not rewritten with every response."""

NAME_BYTES = 12
"""A session's name only has to be unique; its credential is the cookie's signature."""

DEMO_CREDENTIAL = "session:demo"
"""The common name of the demo's sessions."""

csrf = MaskedCsrf()


class Cookies(SecureCookieSessionInterface):
    """The signed cookie, which is not opened for an API request that brings a token: that was 3 % of a PATCH."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        # A page needs one for its forms, whatever was sent with the request.
        bare = "Authorization" in request.headers and request.path.startswith("/api/")
        return None if bare else super().open_session(app, request)


class Visitor(UserMixin):  # type: ignore[misc]
    """The interface that Flask-Login requires."""

    def __init__(self, session_key: str, principal: Principal) -> None:
        self.session_key, self.principal = session_key, principal

    def get_id(self) -> str:
        """Not the person's id: this one changes with the password."""
        return self.session_key


def init_app(app: Flask, settings: Settings, credentials: Credentials) -> None:
    """Set up session cookies and the users behind them."""
    app.session_interface = Cookies()
    app.config.update(
        SECRET_KEY=settings.jwt_secret,
        SESSION_COOKIE_NAME="onward_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        # Called by the guard, and only for requests with a cookie: another site cannot forge a bearer token.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    if settings.jwt_previous_secret:
        app.config["SECRET_KEY_FALLBACKS"] = [settings.jwt_previous_secret]
    csrf.init_app(app)
    # Its init_app would add a hook to every response, for a remember-me cookie that does not exist here.
    manager = app.login_manager = LoginManager()  # type: ignore[attr-defined]
    manager.session_protection = None  # a phone's address changes, and a session must not end with it

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(session_key: str) -> Visitor | None:
        principal = credentials.session(session_key)
        return Visitor(session_key, principal) if principal else None


def sign_in(person: Person) -> None:
    """Begin a session; the previous contents of the cookie are discarded (session fixation)."""
    _begin()
    login_user(Visitor(person.session_key, person.principal))


def sign_in_by_button(principal: Principal) -> None:
    """Sign in to the demo, without an account or a password."""
    _begin()
    session["role"], session["id"] = principal.role, str(principal.id)


def _begin() -> None:
    session.clear()
    now = int(clock.unix_seconds())
    session["since"], session["seen"], session["name"] = now, now, secrets.token_urlsafe(NAME_BYTES)


def sign_out() -> None:
    """End this session, in every process within a second: a copy of the cookie is then worthless."""
    if found := principal():
        revocations.revoke(found.credential, f"{found.role} {found.id}", "signed out")
    session.clear()


def principal() -> Principal | None:
    """The user of this cookie, if the session is still valid."""
    by_password = "_user_id" in session
    # The demo's buttons need no password: everything created through them must end with the demo.
    if not by_password and not access_of().settings.demo:
        return None
    found = _still_holds(_person() if by_password else _player())
    if found is None and "since" in session:
        session.clear()
    return found


def _still_holds(found: Principal | None) -> Principal | None:
    """The principal with this session's name and expiry; None if the session has ended, or has no name."""
    settings, now = access_of().settings, clock.unix_seconds()
    since, seen, name = session.get("since", 0), session.get("seen", 0), session.get("name")
    ends = min(since + settings.session_hours * 3600, seen + settings.session_idle_minutes * 60)
    if found is None or not name or now >= ends:
        return None
    found = replace(found, expires_at=float(ends), credential=f"{found.credential}.{name}")
    if access_of().credentials.tokens.revocations.refuse(found, since):
        return None
    if now - seen > TOUCH_SECONDS and not _listens():
        session["seen"] = int(now)
    return found


def _person() -> Principal | None:
    return current_user.principal if current_user.is_authenticated else None


def _listens() -> bool:
    """A stream that reconnects by itself is not activity."""
    return "text/event-stream" in request.headers.get("Accept", "")


def _player() -> Principal | None:
    role, subject = session.get("role"), session.get("id", "")
    if role not in ROLES or not subject.isdigit() or not 0 < int(subject) <= LARGEST_ID:
        return None
    return Principal(role, int(subject), from_session=True, credential=DEMO_CREDENTIAL, demo=True, via=DEMO)
