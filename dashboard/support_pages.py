"""/support: any order by whatever is known of it, who was notified of it and why others were not, and what to do.

Auditors see all of it; what changes something is for operators only: it is not shown to others, and refused.
"""

from __future__ import annotations

import orjson
import pydantic
from flask import Blueprint, Response, flash, redirect, request
from flask.typing import ResponseReturnValue

from access import guards
from dashboard import loaders, messages, submitted, support, texts
from dashboard.context import PageContext
from dashboard.pages import ORDER_ID, page, protect
from foundation.contract import LARGEST_ID
from foundation.errors import AppError, InvalidRequest
from foundation.languages import N_, gettext
from orders import personal, queries
from orders.errors import IllegalTransition, StaleVersion
from orders.explanation.tree import Explainer
from orders.schemas import ChangeOrderStatusRequest, bare
from orders.status_change import StatusChange

SUPPORT = ("operator", "auditor")
REASON_CHARACTERS = 1000


def blueprint(context: PageContext, explainer: Explainer) -> Blueprint:
    """The pages, and what their forms are posted to."""
    pages = Blueprint("support", __name__)
    protect(pages, context, guards.Rule(SUPPORT, "pages"))

    @pages.get("/support")
    def search() -> ResponseReturnValue:
        text = request.args.get("q", "").strip()
        orders = support.found(context, guards.current(), text)
        if len(orders) == 1:
            return redirect(f"/support/orders/{orders[0]['id']}", 303)
        return page(context, "support.html", q=text, orders=orders)

    @pages.get(f"/support/orders/{ORDER_ID}")
    def order(order_id: int) -> ResponseReturnValue:
        return _order_page(context, explainer, order_id)

    _add_actions(pages, context, explainer)
    return pages


def _add_actions(pages: Blueprint, context: PageContext, explainer: Explainer) -> None:
    """What operators do, and nobody else."""

    @pages.post(f"/support/orders/{ORDER_ID}/status")
    def change(order_id: int) -> ResponseReturnValue:
        guards.require("operator")
        try:
            _change(context, order_id)
        except (IllegalTransition, StaleVersion, InvalidRequest) as error:
            return _order_page(context, explainer, order_id, error), error.status
        return redirect(f"/support/orders/{order_id}", 303)

    @pages.get(f"/support/orders/{ORDER_ID}/export")
    def export(order_id: int) -> ResponseReturnValue:
        principal = guards.require("operator")
        buyer = queries.parties(principal, order_id).buyer_id
        headers = {"Content-Disposition": f"attachment; filename=buyer-{buyer}.json"}
        return Response(personal.written(personal.export(buyer)), headers=headers, content_type="application/json")

    @pages.post(f"/support/orders/{ORDER_ID}/erase")
    def erase(order_id: int) -> ResponseReturnValue:
        guards.require("operator")
        try:
            _erase(context, order_id)
        except InvalidRequest as error:
            return _order_page(context, explainer, order_id, error), error.status
        return redirect(f"/support/orders/{order_id}", 303)


def _order_page(context: PageContext, explainer: Explainer, order_id: int, refused: AppError | None = None) -> str:
    principal = guards.current()
    found = loaders.order(context, principal, order_id)
    event = _number("event")
    explained = explainer.explain(order_id, event)
    order = found["order"] | {"shop": support.shop_of(found["order"])}
    path = f"/support/orders/{order_id}" + (f"?event={event}" if event else "")
    return page(
        context,
        "support_order.html",
        path=path,
        order=order,
        events=found["events"],
        explained=explained.event["id"],
        nodes=support.shown(explained),
        names=messages.actors(principal, order["buyer_name"]),
        acts=principal.role == "operator",
        refused=_sentence(context, refused) if refused else "",
        draft=submitted.field("reason"),
    )


def _change(context: PageContext, order_id: int) -> None:
    """Change the status on behalf of a side; raises InvalidRequest without a reason, and what a change raises."""
    principal = guards.current()
    try:
        notify = not submitted.field("quiet")
        new = ChangeOrderStatusRequest(status=submitted.field("to"), reason=_reason(), notify=notify)
    except pydantic.ValidationError as error:
        raise InvalidRequest(N_("Unknown status.")) from error
    change = StatusChange(order_id, principal, new, submitted.key(), submitted.version())
    order = orjson.loads(context.changes.change(change).order)
    label = context.view(principal.role).labels[order["status"]].text
    flash(texts.text("changed", number=bare(order["number"]), status=label))


def _erase(context: PageContext, order_id: int) -> None:
    """Erase the buyer's data; raises InvalidRequest without a reason, or if the number of the order was not typed."""
    order, reason = orjson.loads(queries.order(context.workflow, guards.current(), order_id)[0]), _reason()
    if bare(submitted.field("number")) != bare(order["number"]):
        raise InvalidRequest(N_("Type the number of the order, to be sure."))
    personal.erase(order["buyer_id"], guards.actor(), reason)
    flash(gettext("The buyer's personal data were erased."))


def _reason() -> str:
    """The reason that was given, which is recorded; raises InvalidRequest without one."""
    reason = submitted.field("reason")
    if not reason:
        raise InvalidRequest(N_("Give a reason."))
    if len(reason) > REASON_CHARACTERS:
        raise InvalidRequest(N_("The reason is too long: 1,000 characters at most."))
    return reason


def _sentence(context: PageContext, error: AppError) -> str:
    principal = guards.current()
    labels = {name: label.text for name, label in context.view(principal.role).labels.items()}
    return messages.refusal(error, submitted.field("to"), principal, labels)


def _number(name: str) -> int | None:
    """A parameter that is an id; None if it has none."""
    given = request.args.get(name, type=int)
    return given if given and 0 < given <= LARGEST_ID else None
