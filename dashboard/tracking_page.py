"""`/t/<link>`: one order, for anyone with the link; read-only."""

from __future__ import annotations

from flask import Blueprint, render_template

from access.tracking_links import TrackingLinks
from dashboard import loaders, messages
from dashboard.context import PageContext


def blueprint(context: PageContext, links: TrackingLinks) -> Blueprint:
    """The page, which needs no account."""
    pages = Blueprint("tracking_page", __name__)

    @pages.get("/t/<link>")
    def follow(link: str) -> str:
        followed = links.read(link)
        found = loaders.order(context, followed.principal, followed.order_id)
        names = messages.actors(followed.principal) | {
            "buyer": "The buyer"
        }  # the reader may be someone other than the buyer
        return render_template("tracking.html", view=context.view("buyer"), names=names, **found)

    return pages
