"""The forms of an order's page beside those of its status and messages: details, parcels, notify again, links."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import orjson
from flask import Blueprint, Response, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards, revocations
from access.idempotency import InProgress, KeyHeaders, keyed
from access.tracking_links import subject
from dashboard import messages, parts, submitted, texts
from dashboard.auth_pages import too_old
from dashboard.context import PageContext
from dashboard.edit_fields import EditForm, OrderForm, ParcelForm
from dashboard.order_page import LinkShown
from dashboard.pages import ORDER_ID, FormError, order_page, protect
from foundation.contract import OrderPath
from foundation.errors import AppError, IdempotencyMismatch, InvalidRequest, TooManyRequests
from orders import queries
from orders.errors import BuyerErased, NothingToResend, StaleVersion
from orders.schemas import EditOrderRequest, bare
from orders.status_change import Changed

AnyForm = TypeVar("AnyForm", bound=OrderForm)

MAY_EDIT = ("seller", "operator")
NOT_DONE = (
    StaleVersion,
    IdempotencyMismatch,
    InProgress,
    InvalidRequest,
    BuyerErased,
    NothingToResend,
    TooManyRequests,
)
REVOKED_BY_HAND = "Revoked on the order's page."


def blueprint(context: PageContext) -> Blueprint:
    """The URLs that these forms are posted to."""
    forms = Blueprint("order_forms", __name__)
    protect(forms, context)
    forms.register_error_handler(CSRFError, too_old)

    @keyed
    def edit(path: OrderPath, form: EditForm) -> Response:
        return _edited(context, path.order_id, form)

    @keyed
    def correct(path: OrderPath, form: ParcelForm) -> Response:
        return _edited(context, path.order_id, form)

    @keyed
    def resend(path: OrderPath) -> Response:
        return _answer_of(context.resending.resend(guards.current(), path.order_id))

    @forms.post(f"/orders/{ORDER_ID}/edit")
    def save(order_id: int) -> ResponseReturnValue:
        return _submit(context, order_id, "buyer", "saved", partial(edit, form=_form_of(EditForm)))

    @forms.post(f"/orders/{ORDER_ID}/parcels")
    def save_parcel(order_id: int) -> ResponseReturnValue:
        return _submit(context, order_id, "parcels", "saved", partial(correct, form=_form_of(ParcelForm)))

    @forms.post(f"/orders/{ORDER_ID}/resend")
    def notify_again(order_id: int) -> ResponseReturnValue:
        return _submit(context, order_id, "knows", "notified_again", resend)

    # What a browser asks for when the answer to a form is reloaded.
    @forms.get(f"/orders/{ORDER_ID}/<any(edit, parcels, resend, link):form>")
    def after(order_id: int, form: str) -> ResponseReturnValue:  # noqa: ARG001  part of the URL
        return redirect(f"{context.view(guards.current().role).home}/{order_id}", 303)

    _add_links(forms, context)
    return forms


def _add_links(forms: Blueprint, context: PageContext) -> None:
    @forms.post(f"/orders/{ORDER_ID}/link")
    def make_link(order_id: int) -> ResponseReturnValue:
        """Shown once: nothing about a link is stored, and making another takes nothing from this one."""
        principal = guards.require(*MAY_EDIT)
        parties = queries.parties(principal, order_id)
        url, ends = context.links.make(order_id, parties.buyer_id, maker=principal)
        return order_page(context, order_id, link=LinkShown.of(url, ends))

    @forms.post(f"/orders/{ORDER_ID}/link/revoke")
    def revoke_links(order_id: int) -> ResponseReturnValue:
        queries.parties(guards.require(*MAY_EDIT), order_id)
        revocations.revoke(subject(order_id), guards.actor(), REVOKED_BY_HAND)
        flash(texts.text("links_revoked"))
        return _answered(context, order_id, "link")


def _submit(
    context: PageContext, order_id: int, place: str, sentence: str, do: Callable[..., Response]
) -> ResponseReturnValue:
    """Do it once for the form's key; what was refused is said beside the form, with what was entered still in it."""
    guards.require(*MAY_EDIT)
    key = submitted.key()
    headers = KeyHeaders.model_validate({"Idempotency-Key": key} if key else {})
    try:
        order = orjson.loads(do(path=OrderPath(order_id=order_id), header=headers).get_data())
    except NOT_DONE as error:
        refused = FormError(order_id, place, _why(error), fields=request.form.to_dict())
        return order_page(context, order_id, refused), error.status, error.headers
    flash(texts.text(sentence, number=bare(order["number"])))
    return _answered(context, order_id, place)


def _answered(context: PageContext, order_id: int, place: str) -> ResponseReturnValue:
    """The parts that a script asks for; without one, the page again, at what was changed."""
    if parts.wanted():
        return order_page(context, order_id)
    return redirect(f"{context.view(guards.current().role).home}/{order_id}#{place}", 303)


def _why(error: AppError) -> str:
    if isinstance(error, StaleVersion):
        return messages.edited_before(error, guards.current())
    return messages.refusal(error, "", guards.current(), {})


def _form_of(form: type[AnyForm]) -> AnyForm:
    """The fields of the form that was sent; more than it has are ignored."""
    return form.model_validate({name: submitted.field(name) for name in form.model_fields})


def _edited(context: PageContext, order_id: int, form: EditForm | ParcelForm) -> Response:
    """The edit that the form asks for, of the order as its page shows it to this reader."""
    principal = guards.current()
    order = orjson.loads(queries.order(context.workflow, principal, order_id)[0])
    # Of another version than was seen nothing is edited: this one raises StaleVersion.
    new = form.edit(order) if order["version"] == form.seen_version else EditOrderRequest.model_validate({})
    return _answer_of(context.edits.edit(principal, order_id, new, form.seen_version))


def _answer_of(changed: Changed) -> Response:
    return Response(changed.order, content_type="application/json")
