"""The form handlers: change a status, send a message, mark the inbox as read. A refused form shows its page again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlencode

import orjson
import pydantic
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards
from chat.messages import Draft, MessageIdReused
from chat.routes import MESSAGE_CHARACTERS, CreateMessageRequest
from dashboard import messages, parts, undoing
from dashboard.auth_pages import too_old
from dashboard.board_page import board_page
from dashboard.context import PageContext
from dashboard.edit_fields import VERSION_DIGITS
from dashboard.list_page import given_by, list_page
from dashboard.pages import ORDER_ID, FormError, inbox_page, order_page, protect
from foundation import formats
from foundation.contract import ID_DIGITS, LARGEST_ID
from foundation.errors import AppError, Forbidden, IdempotencyMismatch, InvalidRequest, TooManyRequests
from foundation.languages import N_, gettext
from orders import queries
from orders.conditions import KEY
from orders.details import Tracking
from orders.errors import IllegalTransition, NotUndoable, StaleVersion
from orders.schemas import ChangeOrderStatusRequest, bare
from orders.status_change import StatusChange

REFUSED = (IllegalTransition, StaleVersion, IdempotencyMismatch, InvalidRequest, Forbidden)
UNSENT = (InvalidRequest, TooManyRequests, MessageIdReused)
BUTTON = re.compile(
    rf"([1-9][0-9]{{0,{ID_DIGITS - 1}}}):([1-9][0-9]{{0,{VERSION_DIGITS - 1}}}):([A-Z][A-Z0-9_]{{0,63}})", re.ASCII
)
"""`order:version:status`."""


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
            return order_page(context, order_id, refused(context, order_id, error, _text("to"))), error.status

    @forms.post("/orders/move")
    def move_on() -> ResponseReturnValue:
        """A button of the board or the list: its value names the order, the version that its reader saw, and the new
        status."""
        order_id, version, to = _button()
        try:
            new = ChangeOrderStatusRequest(status=to, hold_seconds=undoing.hold_of(guards.current()))
            change = StatusChange(order_id, guards.current(), new, _key(order_id, version, to), version)
            return _done(context, change, _moved_on, _home_of(context, order_id), on="board")
        except REFUSED as error:
            return _moved_on(context, refused(context, order_id, error, to)), error.status

    @forms.post("/inbox/read")
    def mark_read() -> ResponseReturnValue:
        _mark_read(context)
        return _parts_or(lambda: inbox_page(context), "/inbox")

    _add_undo(forms, context)
    _add_conversation(forms, context)
    return forms


def _add_undo(forms: Blueprint, context: PageContext) -> None:
    @forms.post(f"/orders/{ORDER_ID}/undo")
    def undo(order_id: int) -> ResponseReturnValue:
        try:
            return _undone(context, order_id)
        except (NotUndoable, StaleVersion):
            too_late = FormError(order_id, "status", messages.text("not_undoable"))
            return _where_undone(context, order_id, too_late), 409


def _add_conversation(forms: Blueprint, context: PageContext) -> None:
    @forms.post(f"/orders/{ORDER_ID}/messages")
    def say(order_id: int) -> ResponseReturnValue:
        principal = guards.current()
        parties = queries.parties(principal, order_id)
        try:
            context.chat.say(principal, order_id, parties, draft())
        except UNSENT as error:
            unsent = FormError(order_id, "message", error.detail, _text("body"), bool(_text("internal")))
            return order_page(context, order_id, unsent), error.status, error.headers
        return _parts_or(
            lambda: order_page(context, order_id), f"{context.view(principal.role).home}/{order_id}#messages"
        )

    @forms.post(f"/orders/{ORDER_ID}/messages/seen")
    def see(order_id: int) -> ResponseReturnValue:
        principal = guards.current()
        parties = queries.parties(principal, order_id)
        if up_to := _id("up_to"):
            context.chat.see(principal, order_id, parties, up_to)
        return redirect(f"{context.view(principal.role).home}/{order_id}#messages", 303)


def _moved_on(context: PageContext, form_error: FormError | None = None) -> str:
    """The page that the button stood on: a list says which it is."""
    if not (shown := _text("list")):
        return board_page(context, form_error)
    return list_page(context, given_by(shown), form_error.text if form_error else "")


def _home_of(context: PageContext, order_id: int) -> str:
    home, shown = context.view(guards.current().role).home, _text("list")
    return f"{home}/list?{urlencode(given_by(shown))}#order-{order_id}" if shown else f"{home}#order-{order_id}"


def _mark_read(context: PageContext) -> None:
    """All up to one, one, or those that were ticked."""
    if up_to := _id("up_to"):
        context.marks.up_to(guards.current(), up_to)
    elif one := _id("id"):
        context.marks.some(guards.current(), [one])
    elif some := [id for id in (_id(name) for name in request.form if name.startswith("entry-")) if id]:
        context.marks.some(guards.current(), some)


def draft() -> Draft:
    """The message that the form asks to be sent; raises InvalidRequest and TooManyRequests with a sentence for the
    page."""
    kind: Literal["note", "person"] = "note" if _text("internal") else "person"
    try:
        key = _text("key")
        message = CreateMessageRequest(body=_text("body"), kind=kind, client_message_id=key or None)
    except pydantic.ValidationError as error:
        count = formats.number(MESSAGE_CHARACTERS)
        raise InvalidRequest(gettext("Enter a message of up to %(count)s characters.", count=count)) from error
    guards.count_message()
    return message.draft


def asked_change(order_id: int) -> StatusChange:
    """The change that the form asks for; raises InvalidRequest with a sentence for the page."""
    key = _text("key")
    return StatusChange(order_id, guards.current(), _new_status(), key if KEY.fullmatch(key) else "", _version())


def _changed(context: PageContext, order_id: int) -> ResponseReturnValue:
    change = asked_change(order_id)
    home = context.view(guards.current().role).home
    return _done(context, change, lambda context: order_page(context, order_id), f"{home}/{order_id}")


def _done(
    context: PageContext, change: StatusChange, page: Callable[[PageContext], str], after: str, on: str = "order"
) -> ResponseReturnValue:
    """Change the status, say so, and show the page that the form stood on."""
    order = orjson.loads(context.changes.change(change).order)
    label = context.view(change.principal.role).labels[order["status"]]
    flash(messages.text("changed", number=bare(order["number"]), status=label.text))
    if change.new.hold_seconds:
        offered = {name: order[name] for name in ("id", "number", "version")} | {"on": on, "list": _text("list")}
        flash(offered, "undo")  # type: ignore[arg-type]
    return _parts_or(lambda: page(context), after)


def _undone(context: PageContext, order_id: int) -> ResponseReturnValue:
    """Undo the change that made this version, say so, and show the page that the form stood on."""
    principal, key = guards.current(), _text("key")
    undone = context.undo.undo(order_id, principal, key if KEY.fullmatch(key) else "", _version())
    order, view = orjson.loads(undone.order), context.view(principal.role)
    flash(messages.text("undone", number=bare(order["number"]), status=view.labels[order["status"]].text))
    after = _home_of(context, order_id) if _text("on") == "board" else f"{view.home}/{order_id}"
    return _parts_or(lambda: _where_undone(context, order_id), after)


def _where_undone(context: PageContext, order_id: int, too_late: FormError | None = None) -> str:
    """The page on which the form stood."""
    return _moved_on(context, too_late) if _text("on") == "board" else order_page(context, order_id, too_late)


def _parts_or(page: Callable[[], str], after: str) -> ResponseReturnValue:
    """What a script asks for, the parts that have changed; without scripts, a reload that repeats nothing."""
    return page() if parts.wanted() else redirect(after, 303)


def _version() -> int:
    """The version in the form. Versions start at 1: a form without one is refused as stale."""
    version = _text("version")
    return int(version) if version.isascii() and version.isdigit() and len(version) <= VERSION_DIGITS else 0


def _button() -> tuple[int, int, str]:
    """What a button of the board says; raises InvalidRequest if it is none."""
    match = BUTTON.fullmatch(_text("move"))
    if match is None or int(match[1]) > LARGEST_ID:
        raise InvalidRequest(N_("Unknown status."))
    return int(match[1]), int(match[2]), match[3]


def _key(order_id: int, version: int, to: str) -> str:
    """The idempotency key of a button: the page's own, and what the button stands for."""
    key = f"{_text('key')}:{order_id}:{version}:{to}"
    return key if KEY.fullmatch(key) else ""


def _new_status() -> ChangeOrderStatusRequest:
    """The requested change from the form's fields; raises InvalidRequest with a sentence for the page."""
    tracking = {name: _text(f"tracking_{name}") for name in ("carrier", "number", "url", "expected_on")}
    given = {name: value for name, value in tracking.items() if value}
    try:
        parcel = Tracking.model_validate_json(orjson.dumps(given)) if given else None
        notify = not _text("quiet") and (not _text("asked") or bool(_text("notify")))
        return ChangeOrderStatusRequest(
            status=_text("to"),
            reason=_text("reason") or None,
            tracking=parcel,
            notify=notify,
            hold_seconds=undoing.hold_of(guards.current()),
        )
    except pydantic.ValidationError as error:
        fields = {str(one["loc"][-1]) for one in error.errors()}
        if "status" in fields:
            raise InvalidRequest(N_("Unknown status.")) from error
        if "reason" in fields:
            raise InvalidRequest(N_("The reason is too long: 1,000 characters at most.")) from error
        raise InvalidRequest(N_("Enter carrier and number for tracking; a link must start with https://.")) from error


def refused(context: PageContext, order_id: int, error: AppError, to: str) -> FormError:
    """Why the status was not changed, to be shown beside the form."""
    principal = guards.current()
    labels = {name: label.text for name, label in context.view(principal.role).labels.items()}
    possible = isinstance(error, StaleVersion) and to in error.members["allowed_transitions"]
    sentence = messages.refusal(error, to, principal, labels)
    return FormError(order_id, "status", sentence, _text("reason"), False, request.form.to_dict(), possible)


def _id(name: str) -> int | None:
    """A field with an id; None if it has none."""
    given = _text(name)
    if given.isascii() and given.isdigit() and len(given) <= ID_DIGITS and 0 < int(given) <= LARGEST_ID:
        return int(given)
    return None


def _text(name: str) -> str:
    """A field, normalised: forms send CRLF, and PostgreSQL's text cannot contain NUL."""
    return request.form.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()
