"""The page of preferences, and what an e-mail's unsubscribe link opens: both lead to the same choices."""

from __future__ import annotations

from datetime import time

from flask import Blueprint, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards
from access.profile_schemas import known_zones
from dashboard.auth_pages import too_old
from dashboard.context import PageContext
from dashboard.pages import page, protect
from foundation.errors import InvalidRequest
from foundation.languages import N_, gettext
from notifications import preferences
from notifications.preference_routes import check_choices
from notifications.quiet_hours import QuietHours
from notifications.rules import CHOICES, EVERY_KIND, WAYS, Choice, WayName
from notifications.unsubscribing import Unsubscribing
from orders.workflow_notices import MESSAGE_CREATED, ORDER_CORRECTED, ORDER_CREATED

LABELS = {
    ORDER_CREATED: N_("New orders"),
    ORDER_CORRECTED: N_("Corrections"),
    MESSAGE_CREATED: N_("Messages"),
    EVERY_KIND: N_("Everything else"),
}
WORDS = {
    "": N_("As usual"),
    "on": N_("On"),
    "off": N_("Off"),
    "hourly": N_("Together, once an hour"),
    "daily": N_("Together, once a day"),
}


def blueprint(context: PageContext) -> Blueprint:
    """`/preferences`."""
    pages = Blueprint("preference_pages", __name__)
    protect(pages, context)
    pages.register_error_handler(CSRFError, too_old)

    @pages.get("/preferences")
    def show() -> ResponseReturnValue:
        return _page(context)

    @pages.post("/preferences")
    def save() -> ResponseReturnValue:
        principal = guards.current()
        try:
            choices, quiet, zone = _choices(), _quiet(), _zone()
            check_choices(context.workflow.notices.rules, principal.role, choices)
        except InvalidRequest as error:
            return _page(context, gettext(error.detail)), error.status
        preferences.set_preferences(principal, choices, quiet, zone)
        flash(gettext("Saved. It counts for what is waiting too."))
        return redirect("/preferences", 303)

    return pages


def unsubscribe_blueprint(context: PageContext, links: Unsubscribing) -> Blueprint:
    """`/unsubscribe/<token>`: mail clients post to it by themselves (RFC 8058), people press a button."""
    pages = Blueprint("unsubscribe", __name__)

    @pages.get("/unsubscribe/<token>")
    def ask(token: str) -> str:
        owner, kind = links.read(token)
        return render_template("unsubscribe.html", label=_label(kind, _labels(context, _side(owner))), done=False)

    # Without CSRF: the token is the credential, and mail clients have no session (RFC 8058, section 3.2).
    @pages.post("/unsubscribe/<token>")
    def unsubscribe(token: str) -> str:
        owner, kind = links.read(token)
        links.follow(token)
        return render_template("unsubscribe.html", label=_label(kind, _labels(context, _side(owner))), done=True)

    return pages


def _side(owner: str) -> str:
    """Whose labels the owner of a preference reads: a buyer's, or those of a shop."""
    return "buyer" if owner.startswith("buyer:") else "seller"


def _labels(context: PageContext, role: str) -> dict[str, str]:
    return {name: one.text for name, one in context.view(role).labels.items()}


def _label(kind: str, labels: dict[str, str]) -> str:
    return gettext(LABELS.get(kind, "")) or labels.get(kind) or kind.capitalize().replace("_", " ")


def _page(context: PageContext, wrong: str = "") -> str:
    principal = guards.current()
    labels = _labels(context, principal.role)
    kinds = {kind: one for (kind, side), one in context.workflow.notices.rules.items() if side == principal.role}
    rows = [(kind, _label(kind, labels), {one.name: one.text for one in rule.ways}) for kind, rule in kinds.items()]
    if rows:
        rows.append((EVERY_KIND, _label(EVERY_KIND, labels), dict.fromkeys(WAYS, "")))
    chosen = preferences.preferences(principal)
    return page(
        context,
        "preferences.html",
        rows=rows,
        chosen=chosen,
        options=CHOICES,
        words=WORDS,
        zones=sorted(known_zones()),
        wrong=wrong,
    )


def _choices() -> dict[str, dict[WayName, Choice]]:
    """What was chosen, by fields named `SHIPPED email`."""
    choices: dict[str, dict[WayName, Choice]] = {}
    for name, value in request.form.items():
        kind, _, given = name.partition(" ")
        way = next((one for one in WAYS if one == given), None)
        if way is None or not value:
            continue
        choice = next((one for one in CHOICES[way] if one == value), None)
        if choice is None:
            raise InvalidRequest(N_("Choose one of the options."))
        choices.setdefault(kind, {})[way] = choice
    return choices


def _quiet() -> QuietHours | None:
    begin, end = request.form.get("quiet_from", ""), request.form.get("quiet_until", "")
    if not begin and not end:
        return None
    try:
        hours = QuietHours(
            *(time.fromisoformat(one).replace(second=0, microsecond=0, tzinfo=None) for one in (begin, end))
        )
    except ValueError as error:
        raise InvalidRequest(N_("Enter quiet hours as two times, such as 22:00 and 07:00.")) from error
    if hours.begin == hours.end:
        raise InvalidRequest(N_("Quiet hours must begin and end at different times."))
    return hours


def _zone() -> str | None:
    zone = request.form.get("time_zone", "")
    if zone and zone not in known_zones():
        raise InvalidRequest(N_("Unknown time zone."))
    return zone or None
