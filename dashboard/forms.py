"""The form handlers: change a status, send a message, mark the inbox as read. A refused form shows its page again."""

from __future__ import annotations

from typing import Literal

import orjson
import pydantic
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards
from chat.messages import Draft
from chat.routes import MESSAGE_CHARACTERS, CreateMessageRequest
from dashboard import messages
from dashboard.auth_pages import too_old
from dashboard.context import PageContext
from dashboard.pages import ORDER_ID, FormError, board_page, order_page, protect
from foundation import formats
from foundation.contract import ID_DIGITS, LARGEST_ID
from foundation.errors import AppError, Forbidden, IdempotencyMismatch, InvalidRequest, TooManyRequests
from foundation.languages import N_, gettext
from orders import queries
from orders.conditions import KEY
from orders.details import Tracking
from orders.errors import IllegalTransition, StaleVersion
from orders.schemas import ChangeOrderStatusRequest, bare
from orders.status_change import StatusChange

REFUSED = (IllegalTransition, StaleVersion, IdempotencyMismatch, InvalidRequest, Forbidden)
VERSION_DIGITS = 9


def blueprint(context: PageContext) -> Blueprint:
    """The URLs that forms are posted to."""
    forms = Blueprint("forms", __name__)
    protect(forms, context)
    forms.register_error_handler(CSRFError, too_old)

    @forms.post(f"/orders/{ORDER_ID}/status")
    def change_status(order_id: int) -> ResponseReturnValue:
        try:
            return _changed(context, order_id)
        except REFUSED as error:
            return _refused(context, order_id, error), error.status

    @forms.post(f"/orders/{ORDER_ID}/messages")
    def say(order_id: int) -> ResponseReturnValue:
        principal = guards.current()
        parties = queries.parties(principal, order_id)
        try:
            context.chat.say(principal, order_id, parties, _draft())
        except (InvalidRequest, TooManyRequests) as error:
            refused = FormError(order_id, "message", error.detail, _text("body"), bool(_text("internal")))
            return order_page(context, order_id, refused), error.status, error.headers
        return redirect(f"{context.view(principal.role).home}/{order_id}#messages", 303)

    @forms.post(f"/orders/{ORDER_ID}/messages/seen")
    def see(order_id: int) -> ResponseReturnValue:
        principal = guards.current()
        parties = queries.parties(principal, order_id)
        if up_to := _id("up_to"):
            context.chat.see(principal, order_id, parties, up_to)
        return redirect(f"{context.view(principal.role).home}/{order_id}#messages", 303)

    @forms.post("/inbox/read")
    def mark_read() -> ResponseReturnValue:
        _mark_read(context)
        return redirect("/inbox", 303)

    return forms


def _mark_read(context: PageContext) -> None:
    """All up to one, one, or those that were ticked."""
    if up_to := _id("up_to"):
        context.marks.up_to(guards.current(), up_to)
    elif one := _id("id"):
        context.marks.some(guards.current(), [one])
    elif some := [id for id in (_id(name) for name in request.form if name.startswith("entry-")) if id]:
        context.marks.some(guards.current(), some)


def _draft() -> Draft:
    """The message that the form asks to be sent; raises InvalidRequest and TooManyRequests with a sentence for the
    page."""
    kind: Literal["note", "person"] = "note" if _text("internal") else "person"
    try:
        message = CreateMessageRequest(body=_text("body"), kind=kind)
    except pydantic.ValidationError as error:
        count = formats.number(MESSAGE_CHARACTERS)
        raise InvalidRequest(gettext("Enter a message of up to %(count)s characters.", count=count)) from error
    guards.count_message()
    return message.draft


def _changed(context: PageContext, order_id: int) -> ResponseReturnValue:
    view = context.view(guards.current().role)
    key, version = _text("key"), _text("version")
    known = version.isascii() and version.isdigit() and len(version) <= VERSION_DIGITS
    # Versions start at 1: a form without one is refused as stale.
    change = StatusChange(
        order_id, guards.current(), _new_status(), key if KEY.fullmatch(key) else "", int(version) if known else 0
    )
    order = orjson.loads(context.changes.change(change).order)
    flash(messages.text("changed", number=bare(order["number"]), status=view.labels[order["status"]].text))
    return redirect(f"{view.home}#order-{order_id}" if _from_board() else f"{view.home}/{order_id}", 303)


def _new_status() -> ChangeOrderStatusRequest:
    """The requested change from the form's fields; raises InvalidRequest with a sentence for the page."""
    tracking = {name: _text(f"tracking_{name}") for name in ("carrier", "number", "url")}
    given = {name: value for name, value in tracking.items() if value}
    try:
        parcel = Tracking.model_validate(given) if given else None
        return ChangeOrderStatusRequest(
            status=_text("to"), reason=_text("reason") or None, tracking=parcel, notify=not _text("quiet")
        )
    except pydantic.ValidationError as error:
        fields = {str(one["loc"][-1]) for one in error.errors()}
        if "status" in fields:
            raise InvalidRequest(N_("Unknown status.")) from error
        if "reason" in fields:
            raise InvalidRequest(N_("The reason is too long: 1,000 characters at most.")) from error
        raise InvalidRequest(N_("Enter carrier and number for tracking; a link must start with https://.")) from error


def _refused(context: PageContext, order_id: int, error: AppError) -> str:
    principal = guards.current()
    labels = {name: label.text for name, label in context.view(principal.role).labels.items()}
    text = messages.refusal(error, _text("to"), principal, labels)
    form_error = FormError(order_id, "status", text, _text("reason"))
    return board_page(context, form_error) if _from_board() else order_page(context, order_id, form_error)


def _from_board() -> bool:
    return _text("from") == "board" and guards.current().role != "buyer"


def _id(name: str) -> int | None:
    """A field with an id; None if it has none."""
    given = _text(name)
    if given.isascii() and given.isdigit() and len(given) <= ID_DIGITS and 0 < int(given) <= LARGEST_ID:
        return int(given)
    return None


def _text(name: str) -> str:
    """A field, normalised: forms send CRLF, and PostgreSQL's text cannot contain NUL."""
    return request.form.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()
