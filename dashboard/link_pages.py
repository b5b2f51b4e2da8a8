"""The pages of a tracking link: one order for anyone who has it, without an account, and what the link lets them do.

The link in the path is the credential. There is no session and no cookie, so no other site can act with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from access.profile_schemas import known_zones
from access.tracking_links import REPLY, Followed, TrackingLinks
from dashboard import forms, loaders, messages, parts, rewording, submitted
from dashboard.buyer_pages import order_values, steps_of
from dashboard.context import PageContext
from dashboard.pages import FormError, earlier_than, shop_name
from foundation import formats
from foundation.errors import Forbidden, NotFound
from foundation.languages import N_, gettext
from foundation.strict_reading import refuse_repeated
from orders import queries
from realtime.link_routes import counted_address

Count = Callable[[str, bool], object]
"""Counts a request under this name, True for a read; raises TooManyRequests beyond its rate."""


@dataclass(frozen=True)
class Entrance:
    """Lets in whoever has a link."""

    context: PageContext
    links: TrackingLinks
    count: Count

    def enter(self, link: str, reading: bool = True) -> Followed:
        """The order of this link; raises NotFound and TooManyRequests."""
        refuse_repeated()
        followed = self.links.read(link)
        self.count(counted_address(request.remote_addr or "") or followed.principal.who, reading)
        # The cursor is read before anything that is shown.
        g.principal, g.cursor = followed.principal, self.context.cursor()
        return followed


def blueprint(context: PageContext, links: TrackingLinks, count: Count) -> Blueprint:
    """`/t/<link>`, its forms, and what `<onward-status>` shows."""
    pages = Blueprint("tracking_page", __name__)
    entrance = Entrance(context, links, count)
    _add_forms(pages, entrance)

    @pages.errorhandler(NotFound)
    def gone(_error: NotFound) -> tuple[str, int]:
        """Whatever is wrong with a link, its reader learns nothing but that."""
        return render_template("tracking_gone.html"), NotFound.status

    @pages.get("/t/<link>")
    def follow(link: str) -> str:
        return link_page(context, link, entrance.enter(link))

    @pages.get("/t/<link>/status")
    def status(link: str) -> Response:
        choose_zone_of_browser()
        try:
            followed = entrance.enter(link)
            found = loaders.order(context, followed.principal, followed.order_id)
        except NotFound as error:
            return make_response(render_template("status.html", gone=gettext(error.detail)), error.status)
        view = context.view("buyer")
        values = found | {"view": view, "page": links.url(link), "steps": steps_of(view, found["events"])}
        return make_response(render_template("status.html", cursor=g.cursor, **values))

    return pages


def _add_forms(pages: Blueprint, entrance: Entrance) -> None:
    context = entrance.context

    @pages.post("/t/<link>/change")
    def change(link: str) -> ResponseReturnValue:
        followed = entrance.enter(link, reading=False)
        to = request.form.get("to", "")
        try:
            _permit(followed, to)
            context.changes.change(submitted.asked_change(followed.order_id))
        except forms.REFUSED as error:
            form_error = forms.refused(context, followed.order_id, error, to)
            return link_page(context, link, followed, form_error), error.status
        return link_page(context, link, followed) if parts.wanted() else redirect(f"/t/{link}", 303)

    @pages.post("/t/<link>/messages")
    def say(link: str) -> ResponseReturnValue:
        followed = entrance.enter(link, reading=False)
        try:
            _permit(followed, REPLY)
            parties = queries.parties(followed.principal, followed.order_id)
            context.chat.say(followed.principal, followed.order_id, parties, submitted.draft())
        except (Forbidden, *forms.UNSENT) as error:
            refused = FormError(followed.order_id, "message", gettext(error.detail), request.form.get("body", ""))
            return link_page(context, link, followed, refused), error.status
        return link_page(context, link, followed) if parts.wanted() else redirect(f"/t/{link}#messages", 303)


def _permit(followed: Followed, what: str) -> None:
    """Raises Forbidden if the link was not made for it."""
    if what not in followed.may:
        raise Forbidden(N_("This link does not allow that. Ask the shop."))


def link_page(context: PageContext, link: str, followed: Followed, form_error: FormError | None = None) -> str:
    """The order, or those of its parts that are asked for."""
    principal = followed.principal
    found = loaders.order(context, principal, followed.order_id, earlier_than())
    values = found | order_values(context, found["order"], followed.may)
    # The reader may be someone other than the buyer.
    names = messages.actors(principal) | shop_name(found["order"]) | {"buyer": gettext("The buyer")}
    values |= {"view": context.view("buyer"), "me": principal, "names": names, "form_error": form_error}
    values |= {"link": link, "change_url": f"/t/{link}/change", "message_url": f"/t/{link}/messages"}
    if rewording.is_needed(context.workflow):
        rewording.of_page(context.workflow, principal, values)
    if names_of_parts := parts.wanted():
        return parts.render("track.html", names_of_parts, values)
    return render_template("tracking.html", path=f"/t/{link}", cursor=g.cursor, boot={"role": "link"}, **values)


def choose_zone_of_browser() -> None:
    """Answer in the time zone of the query, if it is one that is known here: browsers may have newer names."""
    if (zone := request.args.get("zone", "")) in known_zones():
        formats.choose_zone(zone)
