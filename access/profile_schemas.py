"""Requests and responses about the profiles of people and sellers, as pydantic models."""

from __future__ import annotations

import base64
import binascii
import re
import zoneinfo
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

import pydantic

from access.actors import ActingKey
from access.principal import Role
from foundation.addresses import is_addr_spec
from foundation.contract import Answer, Body, Headers, Id, example
from foundation.one_line import Line

MOST_LOGO_BYTES = 32 * 1024
LOGO = re.compile(r"data:image/(png|jpeg|webp);base64,([A-Za-z0-9+/]+={0,2})")
SIGNATURES = {"png": rb"\x89PNG\r\n\x1a\n", "jpeg": rb"\xff\xd8\xff", "webp": rb"RIFF....WEBP"}
"""What a file of each kind begins with."""


def _known_zone(name: str) -> str:
    if name not in known_zones():
        raise ValueError("must be a time zone of the IANA database, such as Europe/Berlin")
    return name


@cache
def known_zones() -> frozenset[str]:
    """The time zones of the IANA database."""
    return frozenset(zoneinfo.available_timezones()) | {"UTC"}


def _is_image(text: str) -> str:
    """An image in the URL itself: pages load nothing from other hosts, which would learn of every reader."""
    match = LOGO.fullmatch(text)
    if match is None:
        raise ValueError("must be a data: URL of a PNG, JPEG or WebP image, in base64")
    try:
        content = base64.b64decode(match[2], validate=True)
    except binascii.Error as error:
        raise ValueError("is not base64") from error
    if len(content) > MOST_LOGO_BYTES:
        raise ValueError(f"must have at most {MOST_LOGO_BYTES // 1024} KB")
    if not re.match(SIGNATURES[match[1]], content, re.DOTALL):
        raise ValueError(f"is not a {match[1].upper()} image")
    return text


Language = Annotated[
    str,
    pydantic.StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"),
    pydantic.Field(description="A language tag (BCP 47)."),
]
TimeZone = Annotated[
    str,
    pydantic.StringConstraints(max_length=64),
    pydantic.AfterValidator(_known_zone),
    pydantic.Field(description="A time zone of the IANA database.", json_schema_extra={"format": "time-zone"}),
]
Theme = Literal["light", "dark"]
Logo = Annotated[
    str,
    pydantic.StringConstraints(max_length=4 * MOST_LOGO_BYTES // 3 + 100),
    pydantic.AfterValidator(_is_image),
    pydantic.Field(
        description="A data: URL of a PNG, JPEG or WebP image of at most 32 KB.",
        json_schema_extra={"pattern": f"^{LOGO.pattern}$"},
    ),
]
ReplyAddress = Annotated[
    str,
    pydantic.StringConstraints(max_length=254),
    pydantic.AfterValidator(is_addr_spec),
    pydantic.Field(
        description="One plain address, without a display name.",
        json_schema_extra={"pattern": r"^[!-?A-~]{1,64}@[^@\s]+$", "format": "idn-email"},
    ),
]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
    "rkJggg=="
)
PERSON = {
    "id": 12,
    "email": "bea@example.org",
    "name": "Bea Berg",
    "language": "en",
    "time_zone": "Europe/Berlin",
    "theme": None,
}


class PersonProfile(Answer):
    """A person; null stands for what the person has not chosen."""

    id: Id
    email: str
    name: str
    language: str | None
    time_zone: str | None
    theme: Theme | None


class CurrentPrincipal(Answer):
    """The current principal, and the person or the API key that acts for it."""

    model_config = example(role="seller", id=1, expires_at="2026-11-25T09:30:00+00:00", person=PERSON, api_key=None)

    role: Role
    id: int
    expires_at: datetime | None
    person: PersonProfile | None
    api_key: ActingKey | None


class ChangeProfileRequest(Body):
    """What to change of the own profile; members that are missing stay, and null leaves the choice to the browser."""

    model_config = example(language="en", time_zone="Europe/Berlin", theme="dark")

    name: Line = ""
    language: Language | None = None
    time_zone: TimeZone | None = None
    theme: Theme | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The members that were sent."""
        return self.model_dump(include=self.model_fields_set)


class SellerPath(pydantic.BaseModel):
    """The seller."""

    seller_id: Annotated[Id, pydantic.Field(description="The seller's id.", examples=[1])]


class IfMatchHeaders(Headers):
    """How a profile is changed only as last read."""

    if_match: Annotated[
        str,
        pydantic.Field(
            alias="If-Match",
            description="The ETag of the profile as last read, or `*`: it is refused if the profile has changed.",
            examples=['"1"'],
        ),
    ] = ""


SHOP = {
    "name": "Bob's Mugs",
    "logo": PIXEL,
    "colour": "#0a7d55",
    "reply_to": "bob@example.org",
    "hours": "Mon-Fri 9-17",
}


class SetSellerProfileRequest(Body):
    """The whole profile; what is missing is empty afterwards."""

    model_config = example(**SHOP)

    name: Line
    logo: Logo | None = None
    colour: Annotated[str, pydantic.StringConstraints(pattern=r"^#[0-9a-f]{6}$")] | None = None
    reply_to: ReplyAddress | None = None
    hours: Line | None = None


class SellerProfile(Answer):
    """A seller as buyers see it; `reply_to` is null for them, and for other sellers."""

    model_config = example(id=1, **SHOP, version=1, updated_at="2026-11-24T09:30:00.123456+00:00")

    id: Id
    name: str
    logo: str | None
    colour: str | None
    reply_to: str | None
    hours: str | None
    version: int
    updated_at: datetime
