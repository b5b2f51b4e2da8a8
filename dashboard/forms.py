"""The form handlers: change a status, send a message, mark the inbox as read. A refused form shows its page again."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import orjson
from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from access import guards
from chat.messages import MessageIdReused
from dashboard import messages, parts, submitted, texts, undoing
from dashboard.auth_pages import too_old
from dashboard.board_page import board_page
from dashboard.context import PageContext
from dashboard.list_page import given_by, list_page
from dashboard.pages import ORDER_ID, FormError, inbox_page, order_page, protect
from foundation.errors import AppError, Forbidden, IdempotencyMismatch, InvalidRequest, TooManyRequests
from orders import queries
from orders.errors import IllegalTransition, NotUndoable, StaleVersion
from orders.schemas import ChangeOrderStatusRequest, bare
from orders.status_change import StatusChange

REFUSED = (IllegalTransition, StaleVersion, IdempotencyMismatch, InvalidRequest, Forbidden)
UNSENT = (InvalidRequest, TooManyRequests, MessageIdReused)


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
            return order_page(context, order_id, refused(context, order_id, error, submitted.field("to"))), error.status

    @forms.post("/orders/move")
    def move_on() -> ResponseReturnValue:
        """A button of the board or the list: its value names the order, the version that its reader saw, and the new
        status."""
        order_id, version, to = submitted.button()
        try:
            new = ChangeOrderStatusRequest(status=to, hold_seconds=undoing.hold_of(guards.current()))
            key = submitted.key_of_button(order_id, version, to)
            change = StatusChange(order_id, guards.current(), new, key, version)
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
            too_late = FormError(order_id, "status", texts.text("not_undoable"))
            return _where_undone(context, order_id, too_late), 409


def _add_conversation(forms: Blueprint, context: PageContext) -> None:
    @forms.post(f"/orders/{ORDER_ID}/messages")
    def say(order_id: int) -> ResponseReturnValue:
        principal = guards.current()
        parties = queries.parties(principal, order_id)
        try:
            context.chat.say(principal, order_id, parties, submitted.draft())
        except UNSENT as error:
            body, internal = submitted.field("body"), bool(submitted.field("internal"))
            unsent = FormError(order_id, "message", error.detail, body, internal)
            return order_page(context, order_id, unsent), error.status, error.headers
        return _parts_or(
            lambda: order_page(context, order_id), f"{context.view(principal.role).home}/{order_id}#messages"
        )

    @forms.post(f"/orders/{ORDER_ID}/messages/seen")
    def see(order_id: int) -> ResponseReturnValue:
        principal = guards.current()
        parties = queries.parties(principal, order_id)
        if up_to := submitted.identifier("up_to"):
            context.chat.see(principal, order_id, parties, up_to)
        return redirect(f"{context.view(principal.role).home}/{order_id}#messages", 303)


def _moved_on(context: PageContext, form_error: FormError | None = None) -> str:
    """The page that the button stood on: a list says which it is."""
    if not (shown := submitted.field("list")):
        return board_page(context, form_error)
    return list_page(context, given_by(shown), form_error.text if form_error else "")


def _home_of(context: PageContext, order_id: int) -> str:
    home, shown = context.view(guards.current().role).home, submitted.field("list")
    return f"{home}/list?{urlencode(given_by(shown))}#order-{order_id}" if shown else f"{home}#order-{order_id}"


def _mark_read(context: PageContext) -> None:
    """All up to one, one, or those that were ticked."""
    if up_to := submitted.identifier("up_to"):
        context.marks.up_to(guards.current(), up_to)
    elif one := submitted.identifier("id"):
        context.marks.some(guards.current(), [one])
    else:
        ticked = (submitted.identifier(name) for name in request.form if name.startswith("entry-"))
        if some := [entry for entry in ticked if entry]:
            context.marks.some(guards.current(), some)


def _changed(context: PageContext, order_id: int) -> ResponseReturnValue:
    change = submitted.asked_change(order_id)
    home = context.view(guards.current().role).home
    return _done(context, change, lambda context: order_page(context, order_id), f"{home}/{order_id}")


def _done(
    context: PageContext, change: StatusChange, page: Callable[[PageContext], str], after: str, on: str = "order"
) -> ResponseReturnValue:
    """Change the status, say so, and show the page that the form stood on."""
    order = orjson.loads(context.changes.change(change).order)
    label = context.view(change.principal.role).labels[order["status"]]
    flash(texts.text("changed", number=bare(order["number"]), status=label.text))
    if change.new.hold_seconds:
        seen = {name: order[name] for name in ("id", "number", "version")}
        flash(seen | {"on": on, "list": submitted.field("list")}, "undo")  # type: ignore[arg-type]
    return _parts_or(lambda: page(context), after)


def _undone(context: PageContext, order_id: int) -> ResponseReturnValue:
    """Undo the change that made this version, say so, and show the page that the form stood on."""
    principal = guards.current()
    undone = context.undo.undo(order_id, principal, submitted.key(), submitted.version())
    order, view = orjson.loads(undone.order), context.view(principal.role)
    flash(texts.text("undone", number=bare(order["number"]), status=view.labels[order["status"]].text))
    after = _home_of(context, order_id) if submitted.field("on") == "board" else f"{view.home}/{order_id}"
    return _parts_or(lambda: _where_undone(context, order_id), after)


def _where_undone(context: PageContext, order_id: int, too_late: FormError | None = None) -> str:
    """The page on which the form stood."""
    return _moved_on(context, too_late) if submitted.field("on") == "board" else order_page(context, order_id, too_late)


def _parts_or(page: Callable[[], str], after: str) -> ResponseReturnValue:
    """What a script asks for, the parts that have changed; without scripts, a reload that repeats nothing."""
    return page() if parts.wanted() else redirect(after, 303)


def refused(context: PageContext, order_id: int, error: AppError, to: str) -> FormError:
    """Why the status was not changed, to be shown beside the form."""
    principal = guards.current()
    labels = {name: label.text for name, label in context.view(principal.role).labels.items()}
    possible = isinstance(error, StaleVersion) and to in error.members["allowed_transitions"]
    sentence = messages.refusal(error, to, principal, labels)
    return FormError(order_id, "status", sentence, submitted.field("reason"), False, request.form.to_dict(), possible)
