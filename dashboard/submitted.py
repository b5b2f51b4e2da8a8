"""What the form that was submitted says, field by field."""

from __future__ import annotations

import re
from typing import Literal

import orjson
import pydantic
from flask import request

from access import guards
from chat.messages import Draft
from chat.routes import MESSAGE_CHARACTERS, CreateMessageRequest
from dashboard import undoing
from dashboard.edit_fields import VERSION_DIGITS, cleaned, version_of
from foundation import formats
from foundation.contract import ID_DIGITS, LARGEST_ID
from foundation.errors import InvalidRequest
from foundation.languages import N_, gettext
from orders.conditions import KEY
from orders.details import Tracking
from orders.schemas import ChangeOrderStatusRequest
from orders.status_change import StatusChange

BUTTON = re.compile(
    rf"([1-9][0-9]{{0,{ID_DIGITS - 1}}}):([1-9][0-9]{{0,{VERSION_DIGITS - 1}}}):([A-Z][A-Z0-9_]{{0,63}})", re.ASCII
)
"""`order:version:status`."""


def field(name: str) -> str:
    """A field, normalised; "" if the form has none."""
    return cleaned(request.form.get(name, ""))


def identifier(name: str) -> int | None:
    """A field with an id; None if it has none."""
    given = field(name)
    if given.isascii() and given.isdigit() and len(given) <= ID_DIGITS and 0 < int(given) <= LARGEST_ID:
        return int(given)
    return None


def version() -> int:
    """The version in the form. Versions start at 1: a form without one is refused as stale."""
    return version_of(field("version"))


def key() -> str:
    """The idempotency key of the form; "" if it has none that could be one."""
    given = field("key")
    return given if KEY.fullmatch(given) else ""


def button() -> tuple[int, int, str]:
    """What a button of the board says; raises InvalidRequest if it is none."""
    match = BUTTON.fullmatch(field("move"))
    if match is None or int(match[1]) > LARGEST_ID:
        raise InvalidRequest(N_("Unknown status."))
    return int(match[1]), int(match[2]), match[3]


def key_of_button(order_id: int, seen: int, to: str) -> str:
    """The idempotency key of a button: the page's own, and what the button stands for."""
    own = f"{field('key')}:{order_id}:{seen}:{to}"
    return own if KEY.fullmatch(own) else ""


def draft() -> Draft:
    """The message that the form asks to be sent; raises InvalidRequest and TooManyRequests with a sentence for the
    page."""
    kind: Literal["note", "person"] = "note" if field("internal") else "person"
    try:
        message = CreateMessageRequest(body=field("body"), kind=kind, client_message_id=field("key") or None)
    except pydantic.ValidationError as error:
        count = formats.number(MESSAGE_CHARACTERS)
        raise InvalidRequest(gettext("Enter a message of up to %(count)s characters.", count=count)) from error
    guards.count_message()
    return message.draft


def asked_change(order_id: int) -> StatusChange:
    """The change that the form asks for; raises InvalidRequest with a sentence for the page."""
    return StatusChange(order_id, guards.current(), new_status(), key(), version())


def new_status() -> ChangeOrderStatusRequest:
    """The requested change from the form's fields; raises InvalidRequest with a sentence for the page."""
    tracking = {name: field(f"tracking_{name}") for name in ("carrier", "number", "url", "expected_on")}
    given = {name: value for name, value in tracking.items() if value}
    try:
        parcel = Tracking.model_validate_json(orjson.dumps(given)) if given else None
        notify = not field("quiet") and (not field("asked") or bool(field("notify")))
        return ChangeOrderStatusRequest(
            status=field("to"),
            reason=field("reason") or None,
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
