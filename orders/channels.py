"""The channels that a principal may subscribe to, live or page by page."""

from __future__ import annotations

from access.principal import Principal
from foundation.errors import Forbidden

EVERY_SELLER = "seller:*"
"""The channel `ops` of operators: each change is published to one seller, so all of these are each change once."""


def channels_of(principal: Principal, wanted: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The channels of a principal: its own orders', or fewer on request; for other systems those they name."""
    if principal.role == "service":
        if not wanted:
            raise Forbidden("A service must name its channels, as in ?channels=seller:7,buyer:42.")
        if "ops" in wanted and len(wanted) > 1:
            raise Forbidden("ops includes the events of all sellers and cannot be combined with other channels.")
    else:
        own = "ops" if principal.role in ("operator", "auditor") else f"{principal.role}:{principal.id}"
        if set(wanted) - {own}:
            raise Forbidden(f"Your channel is {own}.")
        wanted = (own,)
    return (EVERY_SELLER,) if wanted == ("ops",) else wanted


def channels_to_poll(principal: Principal, wanted: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The same for reading events page by page: roles that see every order get the events of all sellers."""
    everything = not wanted and not (principal.seller_id or principal.buyer_id)
    return (EVERY_SELLER,) if everything else channels_of(principal, wanted)
