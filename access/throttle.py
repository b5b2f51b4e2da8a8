"""Throttling of sign-in attempts: counted in the database, so that all processes count together.

Strangers are counted by address, by account at that address, and by account over all strangers. A device on which
somebody has signed in to the account before is counted separately (OWASP, "Device cookies"): whatever strangers do to
an account, its people get in from their usual devices, and from other addresses as long as few strangers try.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from foundation import sql
from foundation.db import db
from foundation.errors import TooManyRequests
from foundation.languages import N_

WINDOW_SECONDS = 15 * 60
TRIES = 10
"""Per account, from one address or from a known device."""

TRIES_PER_ACCOUNT = 100
"""Per account, by all strangers together: 9,600 passwords a day, however many addresses they have."""

TRIES_PER_ADDRESS = 100
"""Behind a proxy that is not configured, everybody shares one address."""

IPV6_PREFIX = 64
"""The smallest network assigned to one customer; it has more addresses than could be counted."""

PRUNED_ATTEMPTS = 100
"""Old rows deleted with each attempt, which adds three at most."""

SQL = sql.beside(__file__, pruned=PRUNED_ATTEMPTS)
COUNT = SQL.text("count")
PRUNE_ATTEMPTS = SQL.text("prune")
FORGET_ATTEMPT = SQL.text("forget")
UNCOUNT = SQL.text("uncount")


@dataclass(frozen=True)
class Origin:
    """The origin of an attempt."""

    address: str
    device: str = ""
    """The name of the device, if it is known to belong to somebody with this account."""


def count_try(email: str, origin: Origin) -> None:
    """Count an attempt before it is made, so that many at once do not bypass the limits; raises TooManyRequests beyond
    them."""
    for key, limit in _limits(email, origin):
        count, seconds = db.session.execute(COUNT, {"key": key, "window": WINDOW_SECONDS}).one()
        if count > limit:
            # Later ones are not counted: an address that keeps trying adds no rows and locks no account.
            db.session.commit()
            raise TooManyRequests(N_("Too many sign-in attempts. Try again later."), max(1, seconds))
    db.session.execute(PRUNE_ATTEMPTS, {"window": WINDOW_SECONDS})
    db.session.commit()


def forget_tries(email: str, origin: Origin) -> None:
    """Undo the count of a successful attempt; committed with the caller's next changes."""
    for key, limit in _limits(email, origin):
        db.session.execute(FORGET_ATTEMPT if limit == TRIES else UNCOUNT, {"key": key})


def _limits(email: str, origin: Origin) -> Iterator[tuple[bytes, int]]:
    """The counters, always in this order: two transactions would otherwise wait for each other's rows."""
    if origin.device:
        yield _hash("device", origin.device, email), TRIES
        return
    place = place_of(origin.address)
    yield _hash("address", place), TRIES_PER_ADDRESS
    yield _hash("account at", place, email), TRIES
    yield _hash("account", email), TRIES_PER_ACCOUNT


def place_of(address: str) -> str:
    """The address, or for IPv6 the network of one customer."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip.packed, IPV6_PREFIX), strict=False))
    return str(ip)


def _hash(*parts: str) -> bytes:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).digest()
