"""The members of an order that may be given when it is created and changed afterwards, as pydantic models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, WithJsonSchema, field_validator

from foundation.addresses import is_addr_spec
from foundation.contract import LARGEST_ID, Body, Moment
from foundation.one_line import CHECKED, SHOWN, Code, Line

EmailAddress = Annotated[
    str,
    StringConstraints(max_length=254),
    AfterValidator(is_addr_spec),
    Field(
        description="One plain address without a display name. Non-ASCII letters are allowed only after the @: hardly "
        "any mail server accepts them before it.",
        json_schema_extra={"pattern": r"^[!-?A-~]{1,64}@[^@\s]+$", "format": "idn-email"},
    ),
]

METADATA_BYTES = 4096

NONE: Mapping[str, Any] = dict.fromkeys(
    ("external_id", "tracking", "parcels", "delivery", "note", "due_at", "due_fixed", "metadata", "tags")
)
"""The columns of an order's details, as they are in an order that has none."""

WRITTEN_AS_JSON = {"tracking", "parcels", "delivery", "metadata"}


def _short(length: int) -> Any:
    return StringConstraints(min_length=1, max_length=length, strip_whitespace=True)


class Tracking(Body):
    """Tracking data of a parcel."""

    carrier: Line
    number: Code
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s\x00-\x1f\x7f-\x9f]+$", max_length=2000)] | None = (
        None
    )
    expected_on: date | None = None


class Parcel(Tracking):
    """One parcel of an order."""

    id: Annotated[str, _short(40), CHECKED, SHOWN] | None = Field(
        None, description="Names the parcel within its order; a number is chosen for one without."
    )


class Delivery(Body):
    """Where the order goes."""

    name: Line | None = None
    lines: Annotated[list[Line], Field(min_length=1, max_length=6)] | None = Field(
        None, description="Street and number, and what else is written above the city."
    )
    city: Line | None = None
    postcode: Annotated[str, _short(20), CHECKED, SHOWN] | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(None, description="ISO 3166-1.")
    phone: Annotated[str, StringConstraints(pattern=r"^[+(0-9][0-9 ()./x-]{2,39}$")] | None = None


def _bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata itself; raises ValueError for what would not come back as it was sent, or is too large."""
    waiting: list[Any] = [metadata]
    while waiting:
        one = waiting.pop()
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        # NaN is not equal to itself, and no JSON.
        if isinstance(one, int | float) and not abs(one) <= LARGEST_ID:
            raise ValueError(f"numbers must lie between -{LARGEST_ID} and {LARGEST_ID}")
    if len(orjson.dumps(metadata)) > METADATA_BYTES:
        raise ValueError(f"must not have more than {METADATA_BYTES:,} bytes")
    return metadata


Metadata = Annotated[
    dict[str, Any],
    AfterValidator(_bounded),
    WithJsonSchema({"type": "object", "additionalProperties": {"description": "Any JSON value."}}),
]


def _each_once(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        raise ValueError("the same tag stands twice")
    return tags


Tag = Annotated[
    str,
    _short(40),
    CHECKED,
    StringConstraints(pattern=r"^[^,]*$"),
    Field(json_schema_extra={"pattern": r"^[^,\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"}),
]
Tags = Annotated[list[Tag], Field(max_length=20, json_schema_extra={"uniqueItems": True}), AfterValidator(_each_once)]


class Details(Body):
    """What an order may have beside its status; in an edit, null removes a member."""

    tracking: Tracking | None = Field(None, description="The only parcel.")
    parcels: Annotated[list[Parcel], Field(max_length=50)] | None = Field(
        None, description="All parcels, if there are several; the first one is also the order's `tracking`."
    )
    delivery: Delivery | None = None
    note: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)] | None = Field(
        None, description="For the shop; the buyer does not see it."
    )
    due_at: Moment | None = Field(
        None,
        description="When the order should be shipped, or whatever comes next: after that it is `late`. It stays until "
        "the order is shipped or closed; without it, the workflow's `due` of each status counts.",
    )
    metadata: Metadata | None = Field(
        None, description="Data of your own, up to 4 KB. Numbers are kept as JavaScript keeps them."
    )
    external_id: Annotated[str, _short(100), CHECKED, SHOWN] | None = Field(
        None, description="The order's id in the marketplace's own system, unique among all orders."
    )
    tags: Tags | None = None

    @field_validator("parcels")
    @classmethod
    def _one_or_several(cls, parcels: list[Parcel] | None, info: ValidationInfo) -> list[Parcel] | None:
        if parcels and info.data.get("tracking"):
            raise ValueError("give either tracking, for the only parcel, or parcels")
        ids = [one.id for one in parcels or [] if one.id]
        if len(set(ids)) < len(ids):
            raise ValueError("two parcels have the same id")
        return parcels


def numbered(parcels: list[Parcel]) -> list[dict[str, Any]]:
    """The parcels as JSON values, each with an id: a number that no other one has, where none was given."""
    taken = {one.id for one in parcels}
    free = (str(number) for number in range(1, 2 * len(parcels) + 1) if str(number) not in taken)
    return [{"id": one.id or next(free), **one.model_dump(mode="json", exclude={"id"})} for one in parcels]


def merged(current: Mapping[str, Any] | None, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """An object with the given members in the place of its own; null removes one (RFC 7396, for one level)."""
    if given is None:
        return None
    return {name: value for name, value in {**(current or {}), **given}.items() if value is not None} or None


def columns(new: Details, current: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the columns that these details set, as JSON values; `current` has those of today."""
    given = new.model_fields_set
    found: dict[str, Any] = {}
    if "tracking" in given or "parcels" in given:
        found |= _parcels(numbered([Parcel(**dict(new.tracking))] if new.tracking else new.parcels or []))
    if "delivery" in given:
        sent = new.delivery.model_dump(exclude_unset=True) if new.delivery else None
        found["delivery"] = merged(current["delivery"], sent)
    if "metadata" in given:
        found["metadata"] = merged(current["metadata"], new.metadata)
    for name in {"note", "external_id", "tags"} & given:
        found[name] = getattr(new, name) or None
    if "due_at" in given:
        found |= {"due_at": _as_text(new.due_at), "due_fixed": True if new.due_at else None}
    return found


def parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of columns as an SQL statement takes them."""
    return {
        name: orjson.dumps(value).decode() if name in WRITTEN_AS_JSON and value is not None else value
        for name, value in values.items()
    }


def _parcels(parcels: list[dict[str, Any]]) -> dict[str, Any]:
    """The first parcel is the order's `tracking`, as it was before there were several; `parcels` is needed only where
    it says more."""
    first = {name: value for name, value in parcels[0].items() if name != "id"} if parcels else None
    plain = not parcels or (len(parcels) == 1 and parcels[0]["id"] == "1")
    return {"tracking": first, "parcels": None if plain else parcels}


def _as_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
