"""Encrypts the secrets of all endpoints with the newest key of WEBHOOK_SECRET_KEYS, while they are in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foundation import sql
from foundation.db import commit, db
from webhooks.secrets_at_rest import CannotDecrypt, Keyring

ROWS_AT_ONCE = 100
"""Endpoints in one transaction: whoever changes one of them meanwhile waits for a few milliseconds."""

SQL = sql.beside(__file__)
STALE, REPLACE, LEFT = SQL.text("stale_secrets"), SQL.text("replace_secrets"), SQL.text("left_secrets")


def encrypt_again(keyring: Keyring) -> tuple[int, list[int]]:
    """How many endpoints were encrypted again, and the ids of those that still have an older key: it is missing, or
    somebody was changing them at that moment."""
    done, after = 0, 0
    values = {"prefix": keyring.current_prefix, "limit": ROWS_AT_ONCE}
    while rows := db.session.execute(STALE, {**values, "after": after}).all():
        done += _replace(keyring, rows)
        after = rows[-1].id
        commit()
    return done, list(db.session.scalars(LEFT, {"prefix": keyring.current_prefix}))


def _replace(keyring: Keyring, rows: Sequence[Any]) -> int:
    new = [one for one in (_under_newest(keyring, row) for row in rows) if one]
    if new:
        ids, secrets, previous, headers = map(list, zip(*new, strict=True))
        db.session.execute(REPLACE, {"ids": ids, "secrets": secrets, "previous_secrets": previous, "headers": headers})
    return len(new)


def _under_newest(keyring: Keyring, row: Any) -> tuple[int, str, str | None, str] | None:
    """The row's id and columns, encrypted with the newest key; None if one of them cannot be decrypted."""
    try:
        secret, previous, headers = (
            text and keyring.encrypt(keyring.decrypt(text)) for text in (row.secret, row.previous_secret, row.headers)
        )
    except CannotDecrypt:
        return None
    return row.id, secret, previous, headers
