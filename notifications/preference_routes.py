"""How a person is notified, over HTTP: read, and replaced as a whole."""

from __future__ import annotations

import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from foundation.contract import typed
from foundation.documentation import documented
from foundation.errors import InvalidRequest
from notifications import preferences
from notifications.preference_schemas import NotificationPreferences, SetPreferencesRequest, answer
from notifications.rules import CHOICES, EVERY_KIND, WAYS, Choices, NotificationRules

TAG = {"name": "Preferences", "description": "How you are notified: by which way, when, and not in quiet hours."}


def blueprint(rules: NotificationRules) -> APIBlueprint:
    """The routes; `rules` is the workflow table's part about it."""
    routes = APIBlueprint("preferences", __name__, abp_tags=[TAG])
    guards.protect(routes, area="notifications")

    @routes.get("/api/me/preferences", summary="Get how you are notified", **documented(NotificationPreferences))
    @typed
    def get_preferences() -> Response:
        """What the workflow table says about your side, and what you have chosen instead. The people of a shop share
        its inbox, and what is chosen about it; e-mails and quiet hours are each person's own."""
        return _answer(rules)

    @routes.put("/api/me/preferences", summary="Set how you are notified", **documented(NotificationPreferences))
    @typed
    def set_preferences(body: SetPreferencesRequest) -> Response:
        """All choices at once. They count for what is waiting too."""
        principal = guards.current()
        check_choices(rules, principal.role, body.choices)
        quiet = body.quiet_hours.hours if body.quiet_hours else None
        preferences.set_preferences(principal, body.choices, quiet, body.time_zone)
        return _answer(rules)

    return routes


def check_choices(rules: NotificationRules, side: str, choices: Choices) -> None:
    """Raise InvalidRequest if the table does not offer this side what was chosen."""
    kinds = {kind: rule for (kind, whose), rule in rules.items() if whose == side}
    for kind, ways in choices.items():
        if kind != EVERY_KIND and kind not in kinds:
            raise InvalidRequest(f"choices: {kind} is not among your kinds: {', '.join(kinds) or 'there are none'}.")
        for way in WAYS:
            choice = ways.get(way)
            if choice and kind != EVERY_KIND and not kinds[kind].way(way):
                raise InvalidRequest(f"choices: {kind} has no {way}.")
            if choice and choice not in CHOICES[way]:
                raise InvalidRequest(f"choices: {way} can be {' or '.join(CHOICES[way])}.")


def _answer(rules: NotificationRules) -> Response:
    principal = guards.current()
    members = answer(rules, principal.role, preferences.preferences(principal))
    return Response(orjson.dumps(members), content_type="application/json")
