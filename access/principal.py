"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["seller", "buyer", "operator", "auditor", "service"]
"""The two sides of an order, who runs the marketplace, who may look at all of it and change nothing, other systems."""

ROLES: tuple[Role, ...] = get_args(Role)

READERS: tuple[Role, ...] = ("auditor",)
"""Roles that change nothing, whatever they ask for."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose identity is proven: a side of an order, an operator, or another system of the marketplace."""

    role: Role
    id: int
    expires_at: float | None = None
    """Seconds since 1970 at which the proof ends; None for a browser session."""

    from_session: bool = False
    """True when a cookie was the proof, so that a form or script has to show its CSRF token too."""

    name: str = ""
    """What a person is called who signed in; a token tells no names."""

    proof: str = ""
    """What its proof is called when it is taken back: `jti:…`, `key:12`, `session:…`."""

    scopes: frozenset[str] | None = None
    """What of the role's rights an API key has, as `orders:read`; None for all of them."""

    @property
    def who(self) -> str:
        """The name of this principal in channels, limits and revocations: `seller:7`."""
        return f"{self.role}:{self.id}"

    @property
    def seller_id(self) -> int | None:
        """The seller that orders are limited to, or None where the role is not limited that way."""
        return self.id if self.role == "seller" else None

    @property
    def buyer_id(self) -> int | None:
        """The buyer that orders are limited to, or None where the role is not limited that way."""
        return self.id if self.role == "buyer" else None


SYSTEM = Principal("system", 0)  # type: ignore[arg-type]
"""The service itself, which moves orders when their time has come. No token, key or session says so."""
