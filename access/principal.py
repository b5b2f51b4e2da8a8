"""Who is asking, and what that allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from foundation.errors import Forbidden

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
    """What its proof is called when it is taken back: `jti:…`, `key:12`, `session:…`; see `grounds`."""

    scopes: frozenset[str] | None = None
    """What of the role's rights an API key has, as `orders:read`; None for all of them."""

    demo: bool = False
    """Whether it came by a button of the demo, or by what was made with one: it ends with the demo."""

    who: str = field(init=False, repr=False, compare=False)
    """The name of this principal in channels, limits and revocations: `seller:7`."""

    seller_id: int | None = field(init=False, repr=False, compare=False)
    """The seller that orders are limited to, or None where the role is not limited that way."""

    buyer_id: int | None = field(init=False, repr=False, compare=False)
    """The buyer that orders are limited to, or None where the role is not limited that way."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "who", f"{self.role}:{self.id}")
        object.__setattr__(self, "seller_id", self.id if self.role == "seller" else None)
        object.__setattr__(self, "buyer_id", self.id if self.role == "buyer" else None)

    def permit(self, area: str, reading: bool) -> None:
        """Raises Forbidden when a key lacks the area's scope, or a role that only reads wants to change something."""
        scope = f"{area}:{'read' if reading else 'write'}"
        if self.scopes is not None and area and scope not in self.scopes:
            raise Forbidden(f"This key does not have the scope {scope}.")
        if not reading and self.role in READERS:
            raise Forbidden(f"The role {self.role} changes nothing.")


def grounds(proof: str) -> tuple[str, ...]:
    """The names by which a proof can be taken back: those of all that it rests on, from the first, and its own.

    A session is called `session:<its person's sessions>.<this one>`: it ends alone, or with all others of the person.
    `key:3.12` is the key 12, which was made with the key 3.
    """
    if "." not in proof or proof.startswith("jti:"):  # what a provider calls its tokens means nothing to us
        return (proof,)
    parts = proof.split(".")
    return tuple(".".join(parts[:count]) for count in range(1, len(parts) + 1))


SYSTEM = Principal("system", 0)  # type: ignore[arg-type]
"""The service itself, which moves orders when their time has come. No token, key or session says so."""
