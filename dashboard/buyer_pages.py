"""What a buyer sees of one order, with an account or by a tracking link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from access.profile_schemas import known_zones
from access.tracking_links import TrackingLinks
from dashboard import loaders
from dashboard.context import PageContext
from dashboard.role_views import RoleView
from foundation import formats
from foundation.errors import NotFound
from foundation.languages import gettext
from foundation.strict_reading import refuse_repeated
from realtime.link_routes import counted_address

Count = Callable[[str], object]
"""Counts a read under this name; raises TooManyRequests beyond its rate."""


@dataclass(frozen=True)
class Step:
    """A status on the way of an order: one that it was in, the current one, or one that usually follows."""

    label: str
    state: str
    at: str = ""


def steps_of(view: RoleView, events: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The way of an order, from its history; edits are no steps."""
    moves = [one for one in events if one["changed"] is None] or list(events)
    states = ["done"] * (len(moves) - 1) + ["now"]
    past = [
        Step(view.labels[one["to_status"]].text, state, one["at"]) for one, state in zip(moves, states, strict=True)
    ]
    return past + [Step(view.labels[name].text, "ahead") for name in view.ahead[moves[-1]["to_status"]]]


def element_blueprint(context: PageContext, links: TrackingLinks, count: Count) -> Blueprint:
    """`/t/<link>/status`: what `<onward-status>` shows, drawn here in the reader's language and time zone."""
    pages = Blueprint("link_status", __name__)

    @pages.get("/t/<link>/status")
    def status(link: str) -> Response:
        refuse_repeated()
        choose_zone_of_browser()
        cursor = context.cursor()  # before anything is read, so that no event is lost in between
        try:
            followed = links.read(link)
            count(counted_address(request.remote_addr or "") or followed.principal.who)
            found = loaders.order(context, followed.principal, followed.order_id)
        except NotFound as error:
            return make_response(render_template("status.html", gone=gettext(error.detail)), error.status)
        view, page = context.view("buyer"), links.url(link)
        steps = steps_of(view, found["events"])
        return make_response(render_template("status.html", view=view, page=page, cursor=cursor, steps=steps, **found))

    return pages


def choose_zone_of_browser() -> None:
    """Answer in the time zone of the query, if it is one that is known here: browsers may have newer names."""
    if (zone := request.args.get("zone", "")) in known_zones():
        formats.choose_zone(zone)
