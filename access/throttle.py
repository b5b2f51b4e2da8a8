"""How often somebody may try to sign in: counted in the database, so that all processes count together."""

from __future__ import annotations

import hashlib

from sqlalchemy import text

from foundation.db import db
from foundation.errors import TooManyRequests

WINDOW_SECONDS = 15 * 60
TRIES_PER_ACCOUNT = 10
TRIES_PER_ADDRESS = 100
"""Behind a proxy that is not told of, all share one address."""

COUNT = text(
    """WITH forgotten AS (DELETE FROM sign_in_tries
        WHERE since < clock_timestamp() - make_interval(secs => :window) AND key <> ALL(CAST(:keys AS bytea[])))
    INSERT INTO sign_in_tries AS t (key, count) SELECT unnest(CAST(:keys AS bytea[])), 1
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN t.since < clock_timestamp() - make_interval(secs => :window) THEN 1 ELSE t.count + 1 END,
        since = CASE WHEN t.since < clock_timestamp() - make_interval(secs => :window) THEN clock_timestamp()
                     ELSE t.since END
    RETURNING key, count, CAST(ceil(:window - extract(epoch FROM clock_timestamp() - since)) AS int)"""
)
FORGET = text("DELETE FROM sign_in_tries WHERE key = :account")
UNCOUNT = text("UPDATE sign_in_tries SET count = count - 1 WHERE key = :address AND count > 0")


def count_try(email: str, address: str) -> None:
    """Count a try before it is made, so that many at once are no way around; TooManyRequests beyond the limits."""
    account, place = _keys(email, address)
    limits = {account: TRIES_PER_ACCOUNT, place: TRIES_PER_ADDRESS}
    # In one order everywhere: two that want the same two rows would otherwise wait for each other.
    rows = db.session.execute(COUNT, {"keys": sorted(limits), "window": WINDOW_SECONDS}).all()
    db.session.commit()
    waits = [seconds for key, count, seconds in rows if count > limits[bytes(key)]]
    if waits:
        raise TooManyRequests("Too many tries to sign in. Wait a while.", max(1, *waits))


def forget_tries(email: str, address: str) -> None:
    """The try was right after all; committed with what the caller writes next."""
    account, place = _keys(email, address)
    db.session.execute(FORGET, {"account": account})
    db.session.execute(UNCOUNT, {"address": place})


def _keys(email: str, address: str) -> tuple[bytes, bytes]:
    return _hash("account " + email), _hash("address " + address)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
