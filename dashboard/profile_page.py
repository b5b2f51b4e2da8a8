"""The page on which people choose language, time zone and theme for themselves."""

from __future__ import annotations

from zoneinfo import available_timezones

import pydantic
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards, profiles
from access.parts import access_of
from access.profile_schemas import ChangeProfileRequest
from dashboard.auth_pages import too_old
from dashboard.context import ROLES, PageContext
from dashboard.pages import page, protect
from foundation.db import commit
from foundation.errors import InvalidRequest
from foundation.languages import N_, OFFERED, gettext

PERSONAL = guards.Rule(ROLES, "pages", reads=True)
"""A profile is the person's own: who only reads the business of the marketplace has one too."""

THEMES = {"light": N_("Light"), "dark": N_("Dark")}
FIELDS = ("language", "time_zone", "theme")


def blueprint(context: PageContext) -> Blueprint:
    """`/profile`, for all roles."""
    pages = Blueprint("profile_page", __name__)
    protect(pages, context, PERSONAL)
    pages.register_error_handler(CSRFError, too_old)

    @pages.get("/profile")
    def profile() -> ResponseReturnValue:
        names = sorted(one for one in available_timezones() if "/" in one and not one.startswith("Etc/"))
        zones = [(one, one.replace("_", " ")) for one in names]
        themes = [(name, gettext(one)) for name, one in THEMES.items()]
        return page(context, "profile.html", languages=OFFERED.items(), zones=zones, themes=themes)

    @pages.post("/profile")
    def change_profile() -> ResponseReturnValue:
        principal = guards.current()
        given = {name: request.form[name] or None for name in FIELDS if name in request.form}
        try:
            profiles.change_profile(principal, ChangeProfileRequest.model_validate(given).given)
        except pydantic.ValidationError as error:
            raise InvalidRequest(N_("Choose one of the languages, time zones and themes.")) from error
        commit(lambda: access_of().credentials.forget(principal))
        profiles.apply(principal)  # from here on in the language that was chosen
        flash(gettext("Your profile is saved."))
        return redirect("/profile", 303)

    return pages
