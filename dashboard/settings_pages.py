"""What people choose for themselves and their browser, and a shop for itself."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import available_timezones

import pydantic
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from access import guards, profiles
from access.parts import access_of
from access.profile_schemas import ChangeProfileRequest
from dashboard import browser_choices, shop_form
from dashboard.auth_pages import local_path, too_old
from dashboard.context import ROLES, PageContext
from dashboard.pages import page, protect
from foundation.db import commit
from foundation.errors import AppError, InvalidRequest
from foundation.languages import N_, OFFERED, gettext

PERSONAL = guards.Rule(ROLES, "pages", reads=True)
"""A profile is the person's own: who only reads the business of the marketplace has one too."""

THEMES = {"light": N_("Light"), "dark": N_("Dark")}
FIELDS = ("language", "time_zone", "theme")
CHOOSE = N_("Choose one of the languages, time zones and themes.")


def blueprint(context: PageContext) -> Blueprint:
    """`/settings` and `/theme`, for all roles."""
    pages = Blueprint("settings_pages", __name__)
    protect(pages, context, PERSONAL)
    pages.register_error_handler(CSRFError, too_old)

    @pages.get("/profile")
    def profile() -> ResponseReturnValue:
        return redirect("/settings", 308)

    @pages.get("/settings")
    def settings() -> ResponseReturnValue:
        names = sorted(one for one in available_timezones() if "/" in one and not one.startswith("Etc/"))
        zones = [(one, one.replace("_", " ")) for one in names]
        themes = [(name, gettext(one)) for name, one in THEMES.items()]
        return page(context, "settings.html", languages=OFFERED.items(), zones=zones, themes=themes)

    @pages.post("/settings")
    def change_settings() -> ResponseReturnValue:
        response = redirect("/settings", 303)
        _choose(response, {**{name: request.form.get(name, "off") for name in ("shortcuts", "notices")}, **_theme()})
        _change_profile({name: request.form[name] or None for name in FIELDS if name in request.form})
        flash(gettext("Your settings are saved."))
        return response

    @pages.post("/theme")
    def choose_theme() -> ResponseReturnValue:
        response = redirect(local_path(request.form.get("next")) or "/", 303)
        _choose(response, _theme())
        _change_profile({"theme": request.form.get("theme") or None})
        return response

    return pages


def shop_blueprint(context: PageContext) -> Blueprint:
    """`/settings/shop`, for sellers."""
    pages = Blueprint("shop_page", __name__)
    protect(pages, context, guards.Rule(("seller",), "pages"))
    pages.register_error_handler(CSRFError, too_old)

    @pages.get("/settings/shop")
    def shop() -> ResponseReturnValue:
        return page(context, "shop.html", shop=shop_form.own_shop(guards.current()), wrong="")

    @pages.post("/settings/shop")
    def change_shop() -> ResponseReturnValue:
        try:
            shop_form.save(guards.current(), request.form, request.files.get("logo"))
        except AppError as error:
            given = shop_form.own_shop(guards.current()) | shop_form.given(request.form)
            return page(context, "shop.html", shop=given, wrong=gettext(error.detail)), error.status
        flash(gettext("Your shop is saved. Buyers see it at once."))
        return redirect("/settings/shop", 303)

    return pages


def _theme() -> dict[str, str]:
    return {"theme": request.form["theme"]} if "theme" in request.form else {}


def _choose(response: Response, given: Mapping[str, str]) -> None:
    """Keep these in the browser; raises InvalidRequest for what cannot be chosen."""
    for name, value in given.items():
        if value not in browser_choices.CHOICES[name]:
            raise InvalidRequest(CHOOSE)
        browser_choices.choose(response, name, value)


def _change_profile(given: Mapping[str, str | None]) -> None:
    """Change the person's profile, if a person has signed in; raises InvalidRequest."""
    principal = guards.current()
    if profiles.person_of(principal) is None:
        return
    try:
        profiles.change_profile(principal, ChangeProfileRequest.model_validate(given).given)
    except pydantic.ValidationError as error:
        raise InvalidRequest(CHOOSE) from error
    commit(lambda: access_of().credentials.forget(principal))
    profiles.apply(principal)  # from here on in the language that was chosen
