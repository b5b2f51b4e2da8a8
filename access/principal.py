"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["seller", "buyer", "operator", "service"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose identity is proven: a side of an order, an operator, or another system of the marketplace."""

    role: Role
    id: int
    expires_at: float | None = None
    """Seconds since 1970 at which the proof ends; None for a browser session."""

    from_session: bool = False
    """True when a cookie was the proof, so that a form or script has to show its CSRF token too."""

    @property
    def seller_id(self) -> int | None:
        """The seller that orders are limited to, or None where the role is not limited that way."""
        return self.id if self.role == "seller" else None

    @property
    def buyer_id(self) -> int | None:
        """The buyer that orders are limited to, or None where the role is not limited that way."""
        return self.id if self.role == "buyer" else None
