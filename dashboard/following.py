"""`/t/<link>`: one order, shown to whoever has the link. There is nothing on it to press."""

from __future__ import annotations

from flask import Blueprint, render_template

from access.tracking_links import TrackingLinks
from dashboard import reading, wording
from dashboard.rooms import Rooms


def blueprint(rooms: Rooms, links: TrackingLinks) -> Blueprint:
    """The page that needs no account."""
    pages = Blueprint("following", __name__)

    @pages.get("/t/<link>")
    def follow(link: str) -> str:
        followed = links.read(link)
        found = reading.order(rooms, followed.principal, followed.order_id)
        names = wording.actors(followed.principal) | {"buyer": "The buyer"}  # whoever has the link may be somebody else
        return render_template("follow.html", face=rooms.face("buyer"), names=names, **found)

    return pages
