"""The principal of a request, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from foundation.errors import Forbidden

Role = Literal["seller", "buyer", "operator", "auditor", "service"]
"""The two sides of an order, operators of the marketplace, read-only auditors, and other systems."""

ROLES: tuple[Role, ...] = get_args(Role)

READERS: tuple[Role, ...] = ("auditor",)
"""Read-only roles."""


LINK, DEMO = "link", "demo"
"""What a principal came by that has no row of its own: a tracking link, a button of the demo."""


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated buyer, seller, operator, auditor, or system of the marketplace."""

    role: Role
    id: int
    expires_at: float | None = None
    """When the credential expires, in seconds since 1970; None for a browser session."""

    from_session: bool = False
    """True if the credential was a cookie, so that forms and scripts have to send its CSRF token too."""

    name: str = ""
    """The name of a person who signed in; tokens contain no names."""

    credential: str = ""
    """The name by which its credential can be revoked: `jti:…`, `key:12`, `session:…`; see `grounds`."""

    scopes: frozenset[str] | None = None
    """The scopes that limit an API key, such as `orders:read`; None for all rights of the role."""

    demo: bool = False
    """Whether it came through a button of the demo, or through something created with one: it ends with the demo."""

    via: str | None = None
    """What it came by: `person:12`, `key:5`, LINK or DEMO; None for a plain token. Stored with what it does."""

    who: str = field(init=False, repr=False, compare=False)
    """The name of this principal in channels, limits and revocations: `seller:7`."""

    seller_id: int | None = field(init=False, repr=False, compare=False)
    """The seller that orders are limited to, or None if the role is not limited that way."""

    buyer_id: int | None = field(init=False, repr=False, compare=False)
    """The buyer that orders are limited to, or None if the role is not limited that way."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "who", f"{self.role}:{self.id}")
        object.__setattr__(self, "seller_id", self.id if self.role == "seller" else None)
        object.__setattr__(self, "buyer_id", self.id if self.role == "buyer" else None)

    def permit(self, area: str, reading: bool) -> None:
        """Raises Forbidden if a key lacks the area's scope, or if a read-only role wants to change something."""
        scope = f"{area}:{'read' if reading else 'write'}"
        if self.scopes is not None and area and scope not in self.scopes:
            raise Forbidden(f"This key does not have the scope {scope}.")
        if not reading and self.role in READERS:
            raise Forbidden(f"The role {self.role} is read-only.")


def grounds(credential: str) -> tuple[str, ...]:
    """The names by which a credential can be revoked: those of everything it depends on, from the first, and its own.

    A session is named `session:<its person's sessions>.<this one>`: it ends alone, or with all others of the person.
    `key:3.12` is the key 12, which was created with the key 3.
    """
    if "." not in credential or credential.startswith("jti:"):  # a provider's token ids have no structure that we know
        return (credential,)
    parts = credential.split(".")
    return tuple(".".join(parts[:count]) for count in range(1, len(parts) + 1))


SYSTEM = Principal("system", 0)  # type: ignore[arg-type]
"""The service itself, which makes timed transitions. No token, key or session has this role."""
