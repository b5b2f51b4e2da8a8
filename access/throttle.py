"""How often somebody may try to sign in: counted in the database, so that all processes count together.

A stranger counts by address, by account at that address, and by account over all strangers. A device on which somebody
has signed in to the account before counts by itself (OWASP, "Device cookies"): whatever strangers do to an account, its
people get in from where they always do, and from other addresses as long as few strangers try.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from foundation import sql
from foundation.db import db
from foundation.errors import TooManyRequests

WINDOW_SECONDS = 15 * 60
TRIES = 10
"""Of one account, from one address or from a device that is known."""

TRIES_PER_ACCOUNT = 100
"""Of one account, by all strangers together: 9,600 passwords a day, whatever they have of addresses."""

TRIES_PER_ADDRESS = 100
"""Behind a proxy that is not told of, all share one address."""

IPV6_PREFIX = 64
"""What one customer is given at the least; it holds more addresses than anybody could count."""

PRUNED = 100
"""Old rows that go with each try, which makes three at most."""

SQL = sql.beside(__file__, pruned=PRUNED)
COUNT = SQL.text("count")
PRUNE = SQL.text("prune")
FORGET = SQL.text("forget")
UNCOUNT = SQL.text("uncount")


@dataclass(frozen=True)
class Origin:
    """Where a try comes from."""

    address: str
    device: str = ""
    """The name of the device, if it is known to belong to somebody of the account that is tried."""


def count_try(email: str, origin: Origin) -> None:
    """Count a try before it is made, so that many at once are no way around; TooManyRequests beyond the limits."""
    for key, limit in _limits(email, origin):
        count, seconds = db.session.execute(COUNT, {"key": key, "window": WINDOW_SECONDS}).one()
        if count > limit:
            # What comes after is not counted: an address that tries on makes no more rows, and wears out no account.
            db.session.commit()
            raise TooManyRequests("Too many sign-in attempts. Try again later.", max(1, seconds))
    db.session.execute(PRUNE, {"window": WINDOW_SECONDS})
    db.session.commit()


def forget_tries(email: str, origin: Origin) -> None:
    """The try was right after all; committed with what the caller writes next."""
    for key, limit in _limits(email, origin):
        db.session.execute(FORGET if limit == TRIES else UNCOUNT, {"key": key})


def _limits(email: str, origin: Origin) -> Iterator[tuple[bytes, int]]:
    """What is counted, always in this order: two that want the same rows would otherwise wait for each other."""
    if origin.device:
        yield _hash("device", origin.device, email), TRIES
        return
    place = _place(origin.address)
    yield _hash("address", place), TRIES_PER_ADDRESS
    yield _hash("account at", place, email), TRIES
    yield _hash("account", email), TRIES_PER_ACCOUNT


def _place(address: str) -> str:
    """The address, or the network that one customer has of IPv6."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((ip.packed, IPV6_PREFIX), strict=False))
    return str(ip)


def _hash(*words: str) -> bytes:
    return hashlib.sha256("\n".join(words).encode("utf-8", "replace")).digest()
