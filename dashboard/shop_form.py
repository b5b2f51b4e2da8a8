"""The form in which a seller names the shop and shows it to buyers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pydantic
from werkzeug.datastructures import FileStorage

from access import sellers
from access.principal import Principal
from access.profile_schemas import MOST_LOGO_BYTES, SetSellerProfileRequest
from foundation.errors import InvalidRequest, NotFound
from foundation.languages import N_

SHOP_FIELDS = ("name", "colour", "reply_to", "hours")
EMPTY: Mapping[str, Any] = dict.fromkeys((*SHOP_FIELDS, "logo")) | {"version": 0}

FIELD_ERRORS = {
    "name": N_("Enter a name for the shop, up to 200 characters."),
    "colour": N_("Choose a colour."),
    "reply_to": N_("Enter one e-mail address, without a name."),
    "hours": N_("Enter the hours in one line of up to 200 characters."),
    "logo": N_("Choose a PNG, JPEG or WebP image of at most 32 KB as the logo."),
}
"""By the field that is wrong."""


def own_shop(principal: Principal) -> dict[str, Any]:
    """The seller's shop as its own people see it; empty if it has no profile yet."""
    try:
        return sellers.seller(principal, principal.id)
    except NotFound:
        return dict(EMPTY)


def given(form: Mapping[str, str]) -> dict[str, Any]:
    """What was entered; an empty field is no value."""
    entered = {name: form.get(name, "").strip() or None for name in SHOP_FIELDS}
    if not form.get("coloured"):
        entered["colour"] = None
    return entered


def save(principal: Principal, form: Mapping[str, str], logo: FileStorage | None) -> None:
    """Write it as it was entered; raises InvalidRequest, and StaleProfile if somebody else has changed it meanwhile."""
    was = own_shop(principal)
    values = given(form) | {"logo": None if form.get("no_logo") else _as_url(logo) or was["logo"]}
    try:
        wanted = SetSellerProfileRequest.model_validate(values)
    except pydantic.ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        raise InvalidRequest(FIELD_ERRORS.get(field, FIELD_ERRORS["name"])) from error
    seen = form.get("version", "")
    sellers.set_seller(principal, principal.id, wanted.model_dump(), lambda version: seen == str(version or 0))


def _as_url(file: FileStorage | None) -> str | None:
    """An uploaded image in a `data:` URL, whose type the browser says and the schema checks; None for no file."""
    if file is None or not file.filename:
        return None
    content = file.stream.read(MOST_LOGO_BYTES + 1)
    return f"data:{file.mimetype};base64,{base64.b64encode(content).decode()}"
