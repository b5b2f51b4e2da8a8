"""The pages that show something; each takes the live stream's cursor before it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from access import guards
from dashboard import formatters, loaders, messages, people
from dashboard.auth_pages import sign_in_first
from dashboard.wiring import FACES, Rooms
from foundation.contract import LARGEST_ID
from notifications import inbox

RULE = guards.Rule(FACES, "pages")
ORDER_ID = f"<int(min=1, max={LARGEST_ID}):order_id>"


@dataclass(frozen=True)
class Trouble:
    """Why a form was refused, to be shown beside it, and what was typed into it."""

    order_id: int
    place: str
    """`status` or `message`: the form that failed."""

    text: str
    draft: str = ""


def protect(blueprint: Blueprint, rooms: Rooms) -> None:
    """Let only those reach these pages for whom there are pages; send the others to sign in."""

    @blueprint.before_request
    def enter() -> Response | None:
        if guards.identify() is None:
            return sign_in_first()
        guards.authenticate(RULE)
        g.cursor = rooms.cursor()
        return None


def blueprint(rooms: Rooms) -> Blueprint:
    """The pages of all three faces."""
    pages = Blueprint("pages", __name__)
    protect(pages, rooms)

    @pages.get("/<any(seller, operator, auditor):side>/orders")
    def board(side: str) -> ResponseReturnValue:
        guards.require(side)
        return board_page(rooms)

    @pages.get("/buyer/orders")
    def orders() -> ResponseReturnValue:
        principal = guards.require("buyer")
        found, more = loaders.orders(rooms, principal)
        return page(rooms, "orders.html", orders=found, more=more)

    @pages.get(f"/<any(seller, buyer, operator, auditor):side>/orders/{ORDER_ID}")
    def order(side: str, order_id: int) -> ResponseReturnValue:
        guards.require(side)
        return order_page(rooms, order_id)

    # Links that do not know who follows them, and the addresses of forms after a reload.
    @pages.get(f"/orders/{ORDER_ID}")
    @pages.get(f"/orders/{ORDER_ID}/status", endpoint="after_status")
    @pages.get(f"/orders/{ORDER_ID}/messages", endpoint="after_message")
    def own_order(order_id: int) -> ResponseReturnValue:
        return redirect(f"{rooms.face(guards.current().role).home}/{order_id}", 303)

    @pages.get("/inbox")
    def notifications() -> ResponseReturnValue:
        return page(rooms, "inbox.html", notifications=loaders.notifications(guards.current()))

    return pages


def board_page(rooms: Rooms, trouble: Trouble | None = None) -> str:
    """All open orders by status."""
    found = loaders.board(rooms, guards.current())
    if trouble and trouble.order_id not in found.order_ids:
        # Its card has left the board: the order's own page tells what happened.
        return order_page(rooms, trouble.order_id, trouble)
    return page(rooms, "board.html", path=rooms.face(guards.current().role).home, board=found, trouble=trouble)


def order_page(rooms: Rooms, order_id: int, trouble: Trouble | None = None) -> str:
    """One order: to a buyer as a journey, to the others as work."""
    principal = guards.current()
    found = loaders.order(rooms, principal, order_id, _before())
    names = messages.actors(principal, found["order"]["buyer_name"])
    live = {"order": found["order"], "events": found["events"], "names": names}
    template = "track.html" if principal.role == "buyer" else "order.html"
    path = f"{rooms.face(principal.role).home}/{order_id}"
    return page(rooms, template, path=path, live=live, names=names, trouble=trouble, **found)


def _before() -> int:
    """Below which message the conversation is shown; the newest where that makes no sense."""
    before = request.args.get("before", LARGEST_ID, type=int)
    return before if 0 < before <= LARGEST_ID else LARGEST_ID


def page(rooms: Rooms, template: str, path: str = "", live: dict[str, Any] | None = None, **content: Any) -> str:
    """A page in its shell: who is signed in, the bell, and what the page's module needs to go on from here."""
    principal = guards.current()
    face = rooms.face(principal.role)
    boot = face.for_scripts() | formatters.FOR_SCRIPTS | {"role": principal.role, "id": principal.id} | (live or {})
    boot.setdefault("names", messages.actors(principal))
    shell = {
        "face": face,
        "me": principal,
        "name": principal.name or people.name_of(principal, rooms.demo),
        "demo": rooms.demo,
        "unread": inbox.unread_count(principal),
        "cursor": g.cursor,
        "path": path or request.path,
        "boot": boot,
    }
    return render_template(template, **shell, **content)
