"""Requests and responses about credentials, as pydantic models: the source of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import pydantic

from access import guards
from access.api_keys import NewKey
from access.principal import Role
from access.tickets import TICKET_SECONDS
from foundation import clock
from foundation.contract import Answer, Body, Id, example, example_of
from foundation.errors import InvalidRequest
from foundation.one_line import Line


class RevocationResult(Answer):
    """What was revoked."""

    model_config = example(revoked="seller:2")

    revoked: str


class RevokeTokensRequest(Body):
    """What to revoke: one token by its `jti`, or all tokens issued to a principal until now."""

    model_config = example(role="seller", id=2, reason="The shop has closed.")

    token_id: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=200)] | None = None
    role: Role | None = None
    id: Id | None = None
    reason: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=500)]

    @property
    def subject(self) -> str:
        """The subject to revoke; raises InvalidRequest unless exactly one is named."""
        whole = self.role is not None and self.id is not None
        if whole == (self.token_id is not None):
            raise InvalidRequest("Give token_id, or role and id.")
        return f"{self.role}:{self.id}" if whole else f"jti:{self.token_id}"


def _with_known_scopes(schema: dict[str, Any]) -> None:
    """Each package has a scope of its own, so they are known once the application is built."""
    schema["items"]["enum"] = guards.scopes()


class CreateApiKeyRequest(Body):
    """An API key to create: its role and id, and its scopes."""

    model_config = example(name="Warehouse", id=1, scopes=["orders:read", "orders:write"], days=365)

    name: Line
    role: Role = "service"
    id: Id
    scopes: Annotated[list[str], pydantic.Field(min_length=1, max_length=50, json_schema_extra=_with_known_scopes)]
    days: Annotated[float, pydantic.Field(gt=0, le=36500)] | None = None

    @pydantic.field_validator("scopes")
    @classmethod
    def _known(cls, scopes: list[str]) -> list[str]:
        if unknown := set(scopes) - set(guards.scopes()):
            raise ValueError(f"unknown scope {min(unknown)[:50]!r}; the scopes are {', '.join(guards.scopes())}")
        return sorted(set(scopes))

    def key(self) -> NewKey:
        expires_at = clock.now() + timedelta(days=self.days) if self.days else None
        return NewKey(self.name, self.role, self.id, tuple(self.scopes), expires_at)


class RevokeApiKeyRequest(Body):
    """The key to revoke, and the reason."""

    model_config = example(id=1, reason="The warehouse has moved.")

    id: Id
    reason: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=500)]


class ApiKey(Answer):
    """An API key as shown to operators; only its first characters are ever shown."""

    model_config = example(
        id=1,
        prefix="ok_1a2b3c4d",
        name="Warehouse",
        role="service",
        principal_id=1,
        scopes=["orders:read", "orders:write"],
        actor="operator 1",
        parent_id=None,
        created_at="2026-11-24T09:30:00.123456+00:00",
        expires_at=None,
        last_used_at=None,
        revoked_at=None,
    )

    id: Id
    prefix: str
    name: str
    role: Role
    principal_id: Id
    scopes: list[str]
    actor: str
    parent_id: Id | None
    """The key that it was created with, and with which it is revoked."""

    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyList(Answer):
    """All keys, including revoked and expired ones."""

    model_config = example(keys=[example_of(ApiKey)])

    keys: list[ApiKey]


class CreateApiKeyResult(Answer):
    """The only response that contains the key itself."""

    model_config = example(id=1, key="ok_1a2b3c4d_5e6f7a8b9c0d")

    id: Id
    key: str


class StreamTicket(Answer):
    """Send it as `?ticket=…` with one GET /api/stream."""

    model_config = example(ticket="st_5e6f7a8b9c0d1e2f", seconds=TICKET_SECONDS)

    ticket: str
    seconds: int
