"""The pages; each takes the live stream's cursor before it reads anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from access import guards, profiles, sellers
from access.principal import Principal
from dashboard import buyer_pages, loaders, messages, parts, people, print_pages, rewording, timeline
from dashboard.auth_pages import sign_in_first
from dashboard.context import ROLES, PageContext
from dashboard.order_page import LinkShown
from foundation import formats
from foundation.contract import LARGEST_ID
from foundation.errors import Unauthorized
from foundation.strict_reading import refuse_repeated
from notifications import inbox

RULE = guards.Rule(ROLES, "pages")
ORDER_ID = f"<int(min=1, max={LARGEST_ID}):order_id>"


@dataclass(frozen=True)
class FormError:
    """Why a form was refused, shown beside it, and what was entered in it."""

    order_id: int
    place: str
    """`status`, `message`, `buyer`, `parcels` or `knows`: where the form stands that was refused."""

    text: str
    draft: str = ""
    internal: bool = False
    """Whether it was to be an internal note: sent again, it must not become a message."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """Everything that was entered."""

    still_possible: bool = False
    """Whether the change may be made all the same, to the order as it is now."""


def protect(blueprint: Blueprint, context: PageContext, rule: guards.Rule = RULE) -> None:
    """Admit only roles that have pages; redirect everyone else to the sign-in page."""

    @blueprint.before_request
    def enter() -> Response | None:
        if guards.identify() is None:
            if parts.wanted():
                raise Unauthorized
            return sign_in_first()
        guards.authenticate(rule)
        refuse_repeated()
        g.cursor = context.cursor()
        g.profile = profiles.apply(guards.current())
        return None


def blueprint(context: PageContext) -> Blueprint:
    """The pages of all roles."""
    pages = Blueprint("pages", __name__)
    protect(pages, context)

    @pages.get(f"/<any(seller, buyer, operator, auditor):side>/orders/{ORDER_ID}")
    def order(side: str, order_id: int) -> ResponseReturnValue:
        guards.require(side)
        return order_page(context, order_id)

    # Links that do not know the reader's role, and the URLs of forms after a reload.
    @pages.get(f"/orders/{ORDER_ID}")
    @pages.get(f"/orders/{ORDER_ID}/status", endpoint="after_status")
    @pages.get(f"/orders/{ORDER_ID}/messages", endpoint="after_message")
    @pages.get(f"/orders/{ORDER_ID}/messages/seen", endpoint="after_seen")
    def own_order(order_id: int) -> ResponseReturnValue:
        return redirect(f"{context.view(guards.current().role).home}/{order_id}", 303)

    @pages.get("/orders/move", endpoint="after_move")
    def own_orders() -> ResponseReturnValue:
        return redirect(context.view(guards.current().role).home, 303)

    buyer_pages.add_list(pages, context, page)
    print_pages.add_printing(pages, context)

    @pages.get("/inbox")
    def notifications() -> ResponseReturnValue:
        return inbox_page(context)

    return pages


def order_page(
    context: PageContext, order_id: int, form_error: FormError | None = None, link: LinkShown | None = None
) -> str:
    """One order: the tracking page for its buyer, the working view for other roles. `link` was made just now."""
    principal = guards.current()
    found = loaders.order(context, principal, order_id, earlier_than())
    names = messages.actors(principal, found["order"]["buyer_name"])
    if principal.role != "seller":
        names |= shop_name(found["order"])
    path = f"{context.view(principal.role).home}/{order_id}"
    if principal.role == "buyer":
        found |= buyer_pages.order_values(context, found["order"])
        return page(context, "track.html", path=path, names=names, form_error=form_error, **found)
    shown = request.args.get("show", "all")
    shown = shown if shown in timeline.FILTERED else "all"
    life = timeline.of_order(principal, found, shown)
    path = path if shown == "all" else f"{path}?show={shown}"
    return page(context, "order.html", path=path, names=names, form_error=form_error, link=link, life=life, **found)


def inbox_page(context: PageContext) -> str:
    """The reader's notifications."""
    before = earlier_than()
    entries, cursor = loaders.notifications(guards.current(), before)
    path = "/inbox" if before == LARGEST_ID else f"/inbox?before={before}"
    unread = inbox.unread_count(guards.current())
    return page(context, "inbox.html", path=path, notifications=entries, older=cursor, unread=unread)


def earlier_than() -> int:
    """The id below which the conversation or the inbox is shown; the newest if the parameter is invalid."""
    before = request.args.get("before", LARGEST_ID, type=int)
    return before if 0 < before <= LARGEST_ID else LARGEST_ID


def shop_name(order: dict[str, Any]) -> dict[str, str]:
    """The seller's name, if the shop has one; otherwise it is called by its role."""
    name = sellers.name_of(order["seller_id"])
    return {"seller": name} if name else {}


def _for_scripts(principal: Principal, time_zone: str | None) -> dict[str, Any]:
    return {"role": principal.role, "time_zone": time_zone}


def page(context: PageContext, template: str, path: str = "", **content: Any) -> str:
    """A page in its frame, or those of its parts that are asked for.

    `content` is what the page shows. `path` is its address, if that is not the request's.
    """
    principal = guards.current()
    profile: dict[str, Any] | None = g.profile
    if rewording.is_needed(context.workflow):
        rewording.of_page(context.workflow, principal, content)
    values = {"view": context.view(principal.role), "me": principal, "names": messages.actors(principal)} | content
    if names := parts.wanted():
        return parts.render(template, names, values)
    shell = {
        "me_zone": formats.zone(),
        "name": (profile or {}).get("name") or people.name_of(principal, context.demo),
        "profile": profile,
        "theme": (profile or {}).get("theme"),
        "demo": context.demo,
        "cursor": g.cursor,
        "path": path or request.path,
        "boot": _for_scripts(principal, (profile or {}).get("time_zone")),
    }
    if "unread" not in values:
        shell["unread"] = inbox.unread_count(principal)
    return render_template(template, **shell, **values)
