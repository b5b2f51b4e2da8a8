"""Sign-in, sign-out and passwords; the demo's sign-in buttons; the start page."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from access import guards, sessions
from access import people as who
from access.parts import access_of
from access.passwords import LEAST_CHARACTERS, MOST_CHARACTERS
from access.throttle import Origin
from dashboard import people
from foundation.errors import InvalidRequest, NotFound, TooManyRequests, Unauthorized
from foundation.languages import N_, gettext
from foundation.strict_reading import refuse_repeated

PASSWORD = {"least": LEAST_CHARACTERS, "most": MOST_CHARACTERS}
LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""A path on this site. Browsers read `//` and `/\\` as the start of another host's name."""


def blueprint(demo: bool) -> Blueprint:
    """`/`, `/sign-in`, `/sign-out` and `/password`, open to everyone."""
    pages = Blueprint("auth", __name__)
    pages.register_error_handler(CSRFError, too_old)
    pages.before_request(refuse_repeated)

    @pages.get("/")
    def front() -> ResponseReturnValue:
        principal = guards.identify()
        if principal is None or principal.role == "service":
            return redirect("/sign-in", 303)
        return redirect(f"/{principal.role}/orders", 303)

    _add_sign_in(pages, demo)
    _add_password(pages)
    return pages


def _add_sign_in(pages: Blueprint, demo: bool) -> None:
    @pages.get("/sign-in")
    def sign_in_page() -> str:
        return _sign_in_page(demo, request.args.get("next"))

    @pages.post("/sign-in")
    def sign_in() -> ResponseReturnValue:
        sessions.csrf.protect()
        following = redirect(local_path(request.form.get("next")) or "/", 303)
        if "person" in request.form:
            _sign_in_by_button(demo, request.form["person"])
            return following
        email = request.form.get("email", "")[:MOST_CHARACTERS]
        try:
            return _signed_in(email, following)
        except (Unauthorized, TooManyRequests) as error:
            page = _sign_in_page(demo, request.form.get("next"), gettext(error.detail), email)
            return page, error.status, error.headers

    @pages.post("/sign-out")
    def sign_out() -> ResponseReturnValue:
        sessions.csrf.protect()
        sessions.sign_out()
        return redirect("/sign-in", 303)


def _add_password(pages: Blueprint) -> None:
    @pages.get("/password/<link>")
    def choose_password(link: str) -> str:
        return render_template("password.html", person=access_of().password_links.person(link), least=LEAST_CHARACTERS)

    @pages.post("/password/<link>")
    def set_password(link: str) -> ResponseReturnValue:
        sessions.csrf.protect()
        person = access_of().password_links.person(link)
        try:
            who.set_password(person, request.form.get("password", ""))
        except InvalidRequest as error:
            text = gettext("A password must have %(least)s to %(most)s characters.", **PASSWORD)
            page = render_template("password.html", person=person, least=LEAST_CHARACTERS, form_error=text)
            return page, error.status
        flash(gettext("Your password is set. Sign in with it."))
        return redirect("/sign-in", 303)


def _signed_in(email: str, following: Response) -> Response:
    """Sign in with a password, and remember the device; raises Unauthorized and TooManyRequests."""
    devices = access_of().devices
    origin = Origin(request.remote_addr or "", devices.name(request, email))
    sessions.sign_in(who.verify_sign_in(email, request.form.get("password", ""), origin))
    devices.remember(request, following, email)
    return following


def _sign_in_page(demo: bool, following: str | None, form_error: str = "", email: str = "") -> str:
    cast = people.CAST if demo else ()
    return render_template(
        "sign_in.html", cast=cast, next_path=local_path(following), form_error=form_error, email=email
    )


def _sign_in_by_button(demo: bool, name: str) -> None:
    person = people.called(name) if demo else None
    if person is None:
        raise NotFound(N_("Unknown demo user."))
    sessions.sign_in_by_button(person.principal)


def sign_in_first() -> Response:
    """Redirect to the sign-in page, and from there back to the requested page."""
    following = request.full_path.rstrip("?") if request.method in guards.SAFE_METHODS else "/"
    return redirect(f"/sign-in?{urlencode({'next': following})}", 303)


def local_path(text: str | None) -> str:
    """`text` if it is a path on this site, otherwise an empty string."""
    return text if text and LOCAL_PATH.fullmatch(text) else ""


def too_old(error: CSRFError) -> ResponseReturnValue:
    """A form from another session: the person has signed out since, or another site sent it."""
    problem = {
        "title": N_("This page has expired"),
        "detail": N_("Nothing was changed. Go back, reload the page and try again."),
        "status": error.code,
        "code": "stale_form",
    }
    return render_template("error.html", problem=problem), error.code or 400
