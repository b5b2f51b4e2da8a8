"""/demo: the first minute of a newcomer, in the demo only.

Seller, buyer and what has just happened stand side by side, with buttons that make it busy and that break things.
All of it is real: the frames are the pages themselves, and the captions come from the log of live events and from the
mail server.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue

from access import guards
from access.tracking_links import TrackingLinks
from dashboard import demo_market, parts
from dashboard.context import PageContext
from dashboard.demo_market import SELLER
from dashboard.demo_streams import StreamCuts
from dashboard.pages import page, protect
from foundation import clock
from foundation.errors import AppError
from foundation.languages import gettext
from notifications import mail_files
from notifications.email import MAIL_SERVER
from notifications.kept_mail import MailFolder
from operations import actions
from orders import counts, listing
from orders.creation import Creation
from orders.filters import Filters
from orders.schemas import ChangeOrderStatusRequest, CreateOrderRequest
from orders.status_change import StatusChange
from realtime.wiring import Realtime

MANY, MISSED = 50, 7
ENOUGH_OPEN = 1_000
"""More open orders than this are not added: the demo shows a shop, not a load test."""

SHOWN = 12
READ_BACK = 40
"""Events that are looked at for those that are shown: a change has several."""

LINK_DAYS = 1
BUYER = demo_market.BUYERS[0]


@dataclass
class Demo:
    """What the page works on."""

    creation: Creation
    realtime: Realtime
    links: TrackingLinks
    cuts: StreamCuts
    folder: MailFolder | None
    switch: Path | None
    """The file that has the demo's mail server refuse; None if it is not the demo's."""


def blueprint(context: PageContext, demo: Demo) -> Blueprint:
    """The page and its buttons, for the demo's seller: the sign-in page leads here as him."""
    pages = Blueprint("demo", __name__)
    protect(pages, context)

    @pages.before_request
    def as_the_seller() -> ResponseReturnValue | None:
        principal = guards.current()
        return (
            None if (principal.role, principal.id) == (SELLER.role, SELLER.id) else redirect("/sign-in?next=/demo", 303)
        )

    @pages.get("/demo")
    def show() -> ResponseReturnValue:
        return _page(context, demo)

    @pages.post("/demo/orders")
    def add() -> ResponseReturnValue:
        return _answer(context, demo, _add_orders(context, demo))

    @pages.post("/demo/cut")
    def cut() -> ResponseReturnValue:
        demo.cuts.ask()
        moved = _move_some(context, MISSED)
        return _answer(
            context,
            demo,
            gettext("All live connections were cut, and %(count)s orders moved on meanwhile.", count=moved),
        )

    @pages.post("/demo/mail")
    def switch() -> ResponseReturnValue:
        return _answer(context, demo, _switch_mail(demo, refuse="refuse" in request.form))

    return pages


def _answer(context: PageContext, demo: Demo, sentence: str) -> ResponseReturnValue:
    flash(sentence)
    return _page(context, demo) if parts.wanted() else redirect("/demo", 303)


def _page(context: PageContext, demo: Demo) -> str:
    followed = _followed(context, demo)
    return page(
        context,
        "demo.html",
        path="/demo",
        followed=followed,
        buyer=BUYER,
        happened=list(_happened(demo)),
        mail=_mail(demo),
        many=MANY,
        script="demo-page.js",
    )


def _followed(context: PageContext, demo: Demo) -> dict[str, Any] | None:
    """The buyer's newest order that is open, and the link to its page; None if there is none."""
    wanted = listing.Wanted(limit=20)
    found, _ = listing.page(context.workflow, BUYER.principal, wanted)
    for order in map(orjson.loads, found):
        if order["seller_id"] == SELLER.id and not context.workflow.statuses[order["status"]].closed:
            link, _ = demo.links.make(order["id"], BUYER.id, LINK_DAYS)
            return {"order": order, "link": urlsplit(link).path}
    return None


def _happened(demo: Demo) -> Iterator[dict[str, Any]]:
    """The newest events of the seller, and e-mails that went out, newest first."""
    events = demo.realtime.newest((f"seller:{SELLER.id}",), READ_BACK)
    shown = [
        {"at": event["data"]["at"], "type": event["type"], **event["data"]}
        for event in events
        if event["type"].startswith("order.") or _is_written(event)
    ]
    for mail in demo.folder.mails()[:SHOWN] if demo.folder else []:
        to, subject = str(mail.message["To"]), str(mail.message["Subject"])
        shown.append({"at": mail.at.isoformat(), "type": "mail", "to": to, "subject": subject})
    yield from sorted(shown, key=lambda one: datetime.fromisoformat(one["at"]), reverse=True)[:SHOWN]


def _is_written(event: dict[str, Any]) -> bool:
    """Whether it is a message that somebody wrote, not what the conversation says of each change."""
    return bool(event["type"] == "message.created" and event["data"]["message"]["kind"] == "person")


def _mail(demo: Demo) -> dict[str, Any]:
    """Whether e-mail works: what the switch says, and the circuit of the mail server."""
    circuit = next((one for one in actions.circuits() if one["destination"] == MAIL_SERVER), None)
    return {
        "switch": demo.switch is not None,
        "refuses": demo.switch is not None and demo.switch.exists(),
        "circuit": circuit["state"] if circuit and circuit["state"] != "closed" else None,
        "seconds": max(0, round((circuit["until"] - clock.now()).total_seconds()))
        if circuit and circuit["until"]
        else 0,
    }


def _switch_mail(demo: Demo, refuse: bool) -> str:
    if demo.switch is None:
        return gettext("This demo has no mail server of its own.")
    if refuse:
        demo.switch.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        demo.switch.touch()
        return gettext("The mail server refuses everything now. Add orders, and watch its circuit open.")
    demo.switch.unlink(missing_ok=True)
    return gettext("The mail server works again. What waits goes out by itself.")


def _add_orders(context: PageContext, demo: Demo) -> str:
    """Orders of the demo's buyers, half of them confirmed, which the buyers get e-mails about."""
    statuses = tuple(name for name, status in context.workflow.statuses.items() if not status.closed)
    open_now = sum(one.count for one in counts.count_by_status(context.workflow, guards.current(), Filters(statuses)))
    if open_now + MANY > ENOUGH_OPEN:
        return gettext("There are %(count)s open orders already. Move some of them first.", count=open_now)
    rng = random.Random()
    for number in range(MANY):
        body = demo_market.new_order(rng, rng.choice(demo_market.BUYERS))
        placed = demo.creation.create(
            demo_market.SHOP, CreateOrderRequest.model_validate(body), f"demo-{secrets.token_hex(8)}"
        )
        if number % 2:
            _move(context, placed.order_id, "CONFIRMED")
    return gettext("%(count)s orders were placed, and half of them were confirmed.", count=MANY)


def _move_some(context: PageContext, most: int) -> int:
    """Move the seller's newest orders on; returns how many moved."""
    found, _ = listing.page(context.workflow, guards.current(), listing.Wanted(limit=60))
    orders = sorted(map(orjson.loads, found), key=itemgetter("id"), reverse=True)
    moved = 0
    for order in orders:
        following = demo_market.next_steps(order["status"], order["allowed_transitions"])
        if moved < most and following and following[0] != "SHIPPED":
            moved += _move(context, order["id"], following[0])
    return moved


def _move(context: PageContext, order_id: int, status: str) -> int:
    """1 if it could be moved: with a workflow table of one's own the demo's life may be impossible."""
    with suppress(AppError):
        change = StatusChange(order_id, guards.current(), ChangeOrderStatusRequest(status=status))
        context.changes.change(change)
        return 1
    return 0


def switch_of(folder: Path | None, own_server: bool) -> Path | None:
    """The switch of the demo's mail server, if e-mails go to it."""
    return mail_files.refusal(folder) if folder and own_server else None
