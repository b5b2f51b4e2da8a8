"""Requests and responses about the people of accounts, as pydantic models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import pydantic

from access.principal import Role
from foundation.addresses import is_addr_spec
from foundation.contract import Answer, Body, Id, Query, example, example_of
from foundation.one_line import Line

SigningIn = Literal["buyer", "seller", "operator", "auditor"]
Reason = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=500)]


class PeopleQuery(Query):
    """The newest 1,000 people: all, or those of one account."""

    role: SigningIn | None = pydantic.Field(None, description="Only accounts with this role.", examples=["seller"])
    id: Id | None = pydantic.Field(None, description="Only those of this seller, buyer ….", examples=[1])


class PersonAccount(Answer):
    """A person who signs in, and for whom: `role` and `principal_id`."""

    model_config = example(
        id=1,
        email="bea@example.org",
        name="Bea Berg",
        role="seller",
        principal_id=1,
        has_password=True,
        created_at="2026-11-24T09:30:00.123456+00:00",
        signed_in_at=None,
        disabled_at=None,
    )

    id: Id
    email: str
    name: str
    role: Role
    principal_id: Id
    has_password: bool
    created_at: datetime
    signed_in_at: datetime | None
    disabled_at: datetime | None


class PersonAccountList(Answer):
    """People, newest first."""

    model_config = example(people=[example_of(PersonAccount)])

    people: list[PersonAccount]


class CreatePersonRequest(Body):
    """Somebody who is to sign in, and for whom."""

    model_config = example(email="bea@example.org", name="Bea Berg", role="seller", id=1)

    email: Annotated[
        str,
        pydantic.StringConstraints(max_length=254, strip_whitespace=True),
        pydantic.AfterValidator(is_addr_spec),
        pydantic.Field(json_schema_extra={"pattern": r"^[!-?A-~]{1,64}@[^@\s]+$", "format": "idn-email"}),
    ]
    name: Line
    role: SigningIn
    id: Id


class CreatePersonResult(Answer):
    """The account, and the link to choose a password: it is valid for a day, and in no other response."""

    model_config = example(id=1, link="https://shop.example/password/ImFiYyI.Z0Q5")

    id: Id
    link: str


class DisablePersonRequest(Body):
    """The person, and the reason, which is recorded."""

    model_config = example(id=1, reason="Has left the shop.")

    id: Id
    reason: Reason


class RevokeSessionsRequest(DisablePersonRequest):
    """The person whose sessions end, and the reason, which is recorded."""

    model_config = example(id=1, reason="The laptop was stolen.")


class DeletePersonRequest(DisablePersonRequest):
    """The person whose account is deleted, and the reason, which is recorded."""

    model_config = example(id=1, reason="Has asked for it.")


class EnablePersonRequest(Body):
    """The person."""

    model_config = example(id=1)

    id: Id


class PersonResult(Answer):
    """The person to whom it was done."""

    model_config = example(id=1)

    id: Id
