"""What the forms of an order's details say: their fields as text, and the edit that they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pydantic

from foundation import formats
from foundation.errors import InvalidRequest
from foundation.languages import N_
from orders.schemas import EditOrderRequest

MASKED = "\N{HORIZONTAL ELLIPSIS}"
"""Stands in what a seller may not read in full (docs/access.md): its field is empty, and stays what it is so."""

ADDRESS = ("name", "postcode", "city", "country")
VERSION_DIGITS = 9
MINUTES = "%Y-%m-%dT%H:%M"
"""The value of <input type="datetime-local">."""

WHAT_TO_DO = {
    "buyer_email": N_("Enter one plain e-mail address."),
    "phone": N_("Enter a phone number of digits and spaces; it may begin with +."),
    "country": N_("Enter the country as two letters, such as GB."),
    "lines": N_("The address may have up to six lines."),
    "note": N_("The note is too long: 2,000 characters at most."),
    "due_at": N_("Enter a day and a time."),
    "tags": N_("Enter up to 20 different tags, each of up to 40 characters, with commas between them."),
    "url": N_("Enter carrier and number for tracking; a link must start with https://."),
    "carrier": N_("Enter carrier and number for tracking; a link must start with https://."),
    "number": N_("Enter carrier and number for tracking; a link must start with https://."),
    "expected_on": N_("Enter the expected day as a date."),
}
"""What to do about a field that was refused."""


def cleaned(text: str) -> str:
    """A field, normalised: forms send CRLF, and PostgreSQL's text cannot contain NUL."""
    return text.replace("\r\n", "\n").replace("\x00", "").strip()


def version_of(text: str) -> int:
    """The version that a field says; 0, which no order has, if it says none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= VERSION_DIGITS else 0


class OrderForm(pydantic.BaseModel):
    """Fields that every form of an order's details has."""

    version: str = ""

    @property
    def seen_version(self) -> int:
        """The version that the page showed; a form without one is refused as stale, since versions start at 1."""
        return version_of(self.version)


class EditForm(OrderForm):
    """What an order has beside its status; a field that says what the page showed changes nothing."""

    name: str = ""
    lines: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""
    note: str = ""
    due: str = ""
    tags: str = ""

    def edit(self, order: Mapping[str, Any]) -> EditOrderRequest:
        """The edit of this order, which is as the page showed it, or the version says that it is not.

        Raises InvalidRequest with a sentence for the page.
        """
        new: dict[str, Any] = {}
        if address := self._address(order.get("delivery") or {}):
            new["delivery"] = address
        if self.note != (order.get("note") or ""):
            new["note"] = self.note or None
        if self.email and self.email != order.get("buyer_email"):
            new["buyer_email"] = self.email
        if self.due != local_minute(order.get("due_at")):
            new["due_at"] = _in_utc(self.due) if self.due else None
        tags = [tag for tag in map(str.strip, self.tags.split(",")) if tag]
        if tags != (order.get("tags") or []):
            new["tags"] = tags or None
        return request_of(new)

    def _address(self, shown: Mapping[str, Any]) -> dict[str, Any]:
        """The members of the delivery address that are other than shown."""
        given = {name: getattr(self, name) for name in ADDRESS} | {"country": self.country.upper()}
        new: dict[str, Any] = {name: value or None for name, value in given.items() if value != (shown.get(name) or "")}
        lines = [line for line in map(str.strip, self.lines.split("\n")) if line]
        if lines != (shown.get("lines") or []):
            new["lines"] = lines or None
        if self.phone != readable(shown.get("phone")):
            new["phone"] = self.phone or None
        return new


class ParcelForm(OrderForm):
    """A parcel that is added, corrected, or removed."""

    parcel: str = ""
    """Its id; empty for a new one."""

    carrier: str = ""
    number: str = ""
    url: str = ""
    expected_on: str = ""
    remove: str = ""

    def edit(self, order: Mapping[str, Any]) -> EditOrderRequest:
        """The order's parcels as they are to be. Raises InvalidRequest with a sentence for the page."""
        parcels: list[dict[str, Any]] = order.get("parcels") or []
        if self.parcel and self.parcel not in {one["id"] for one in parcels}:
            raise InvalidRequest(N_("This parcel is no longer there."))
        fields = ("carrier", "number", "url", "expected_on")
        written = {name: value for name in fields if (value := getattr(self, name))}
        if not self.parcel:
            parcels = [*parcels, written]
        elif self.remove:
            parcels = [one for one in parcels if one["id"] != self.parcel]
        else:
            parcels = [{"id": one["id"], **written} if one["id"] == self.parcel else one for one in parcels]
        return request_of({"parcels": parcels or None})


def request_of(members: Mapping[str, Any]) -> EditOrderRequest:
    """The edit of these members; raises InvalidRequest with a sentence that says what to do."""
    try:
        return EditOrderRequest.model_validate_json(orjson.dumps(members))
    except pydantic.ValidationError as error:
        named = [str(one) for problem in error.errors() for one in problem["loc"] if str(one) in WHAT_TO_DO]
        raise InvalidRequest(WHAT_TO_DO[named[-1]] if named else N_("Check what you entered.")) from error


def readable(text: str | None) -> str:
    """What stands in the field of a member of which the reader may see a part only."""
    return "" if text is None or MASKED in text else text


def local_minute(at: str | None) -> str:
    """A time in the reader's zone, as its field has it."""
    return datetime.fromisoformat(at).astimezone(_own_zone()).strftime(MINUTES) if at else ""


def _in_utc(text: str) -> str:
    try:
        return datetime.strptime(text, MINUTES).replace(tzinfo=_own_zone()).isoformat()
    except ValueError as error:
        raise InvalidRequest(WHAT_TO_DO["due_at"]) from error


def _own_zone() -> ZoneInfo:
    return ZoneInfo(formats.zone() or "UTC")
