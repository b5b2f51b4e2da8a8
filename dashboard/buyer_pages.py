"""What a buyer sees of one order, with an account or by a tracking link, and the list of a buyer's orders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from access import guards
from access.tracking_links import REPLY
from dashboard.brand import brand_of
from dashboard.buyer_list import buyer_list
from dashboard.context import PageContext
from dashboard.loaders import Row
from dashboard.role_views import RoleView
from foundation.errors import InvalidRequest

MOST_SEARCHED = 100
"""Characters of what is searched for."""


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


def order_values(context: PageContext, order: Row, may: Collection[str] | None = None) -> Row:
    """What the buyer's page shows beside the order. `may` limits what the reader can do; None: all that the workflow
    lets a buyer do."""
    view = context.view("buyer")
    offered = [one for one in view.offered(order) if may is None or one.to in may]
    return {
        "brand": brand_of(order["seller_id"]),
        "expected": expected_on(context, order),
        "offered": offered,
        "converses": may is None or REPLY in may,
        "link": "",
        "change_url": f"/orders/{order['id']}/status",
        "message_url": f"/orders/{order['id']}/messages",
    }


def expected_on(context: PageContext, order: Row) -> str:
    """The day on which the last parcel is expected, in ISO format; empty if none is on its way or none is known."""
    workflow, status = context.workflow, order["status"]
    ahead = (status, *context.view("buyer").ahead.get(status, ()))
    on_its_way = any(workflow.statuses[one].tracking for one in ahead if one in workflow.statuses)
    days = [one["expected_on"] for one in order.get("parcels") or () if one.get("expected_on")]
    return max(days) if days and on_its_way else ""


def add_list(pages: Blueprint, context: PageContext, page: Callable[..., str]) -> None:
    """Add the list; `page` renders a page in its frame."""

    @pages.get("/buyer/orders")
    def orders() -> ResponseReturnValue:
        principal = guards.require("buyer")
        terms, cursor, wrong = request.args.get("q", "").strip()[:MOST_SEARCHED], request.args.get("before", ""), ""
        try:
            found = buyer_list(context, principal, terms or None, cursor)
        except InvalidRequest as error:
            found, wrong = buyer_list(context, principal, None, ""), error.detail
        path = request.full_path.removesuffix("?") if not request.args.get("part") else context.view("buyer").home
        return page(context, "orders.html", path=path, found=found, terms=terms, wrong=wrong)
