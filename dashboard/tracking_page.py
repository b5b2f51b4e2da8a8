"""`/t/<link>`: one order, shown to whoever has the link. There is nothing on it to press."""

from __future__ import annotations

from flask import Blueprint, render_template

from access.tracking_links import TrackingLinks
from dashboard import loaders, messages
from dashboard.context import PageContext


def blueprint(context: PageContext, links: TrackingLinks) -> Blueprint:
    """The page that needs no account."""
    pages = Blueprint("tracking_page", __name__)

    @pages.get("/t/<link>")
    def follow(link: str) -> str:
        followed = links.read(link)
        found = loaders.order(context, followed.principal, followed.order_id)
        names = messages.actors(followed.principal) | {
            "buyer": "The buyer"
        }  # whoever has the link may be somebody else
        return render_template("tracking.html", view=context.view("buyer"), names=names, **found)

    return pages
