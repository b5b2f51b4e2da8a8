"""The way in and out: the sign-in page, the demo's people at their buttons, and the front door."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from access import guards
from dashboard import people
from foundation.errors import NotFound

LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""A path on this site. Browsers read `//` and `/\\` as the beginning of another host's name."""


def blueprint(demo: bool) -> Blueprint:
    """`/`, `/sign-in` and `/sign-out`, which everybody may reach."""
    doors = Blueprint("doors", __name__)
    doors.register_error_handler(CSRFError, too_old)

    @doors.get("/")
    def front() -> ResponseReturnValue:
        principal = guards.identify()
        if principal is None or principal.role == "service":
            return redirect("/sign-in", 303)
        return redirect(f"/{principal.role}/orders", 303)

    @doors.get("/sign-in")
    def sign_in_page() -> str:
        return render_template(
            "sign_in.html", cast=people.CAST if demo else (), following=local_path(request.args.get("next"))
        )

    @doors.post("/sign-in")
    def sign_in() -> ResponseReturnValue:
        guards.csrf.protect()
        person = people.called(request.form.get("person", "")) if demo else None
        if person is None:
            raise NotFound("There is nobody of that name to sign in as.")
        guards.sign_in(person.principal)
        return redirect(local_path(request.form.get("next")) or "/", 303)

    @doors.post("/sign-out")
    def sign_out() -> ResponseReturnValue:
        guards.csrf.protect()
        guards.sign_out()
        return redirect("/sign-in", 303)

    return doors


def sign_in_first() -> Response:
    """To the sign-in page, and from there back to what was asked for."""
    following = request.full_path.rstrip("?") if request.method in guards.SAFE_METHODS else "/"
    return redirect(f"/sign-in?{urlencode({'next': following})}", 303)


def local_path(text: str | None) -> str:
    """`text` where it is a path on this site, else nothing."""
    return text if text and LOCAL_PATH.fullmatch(text) else ""


def too_old(error: CSRFError) -> ResponseReturnValue:
    """A form that was drawn for another session: signed out meanwhile, or somebody else's site."""
    problem = {
        "title": "This page was too old",
        "detail": "Nothing was changed. Go back, reload the page and try again.",
        "status": error.code,
        "code": "stale_form",
    }
    return render_template("error.html", problem=problem), error.code or 400
