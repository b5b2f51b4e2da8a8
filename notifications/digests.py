"""Digests: what one person gets together, in one e-mail at the end of an hour or a day.

An attempt whose e-mail is to be collected adds an entry to the digest of its window instead of sending. The digest's
own e-mail is a row in `side_effects` that is due at the end of the window. Its attempt closes the digest first: an
entry that comes too late finds it closed, and is added to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from foundation import sql
from foundation.db import in_pieces, one_piece
from notifications import preference_models as preference_models  # its tables, for the metadata
from notifications.email import MAIL_SERVER
from notifications.rules import Digest, Preferences, digest_at
from side_effects.effects import Run
from side_effects.insertion import insert
from side_effects.kinds import Claimed

KIND = "email.digest"
EVENT_TYPE = "digest"
"""The event of a digest's e-mail is the digest."""

INSERT_MAIL = insert(
    "open",
    kind=f"'{KIND}'",
    destination=f"'{MAIL_SERVER}'",
    event_type=f"'{EVENT_TYPE}'",
    event_id="id",
    order_id="-id",
    request_id=":request_id",
    scheduled_at=":due",
)

SQL = sql.beside(__file__, insert_mail=INSERT_MAIL)
COLLECT = SQL.prepared("collect")
CLOSE = SQL.prepared("close_digest")
ERASE_ENTRIES = SQL.text("erase_entries")
PRUNE_DIGESTS = SQL.text("prune_digests")


def collect(run: Run, owner: str, person: Preferences, every: Digest, due: datetime, claimed: Claimed) -> datetime:
    """Add what this attempt is about to the owner's digest at `due`, or to the next one that is open; returns its
    time."""
    about = (claimed.event_type, claimed.event_id, claimed.order_id, claimed.request_id)
    while not run(COLLECT, (owner, due, *about)):
        due = digest_at(person, every, due)
    return due


def close(run: Run, digest_id: int) -> str | None:
    """Close it, and return its owner; None if it does not exist any more."""
    rows = run(CLOSE, (digest_id,))
    return rows[0][0] if rows else None


def erase_entries(order_ids: Sequence[int]) -> int:
    """Take these orders out of all digests, in chunks that each commit; returns how many entries there were."""
    return in_pieces(ERASE_ENTRIES, orders=list(order_ids))


def prune_digests(days: int) -> int:
    """Delete a chunk of those that were due longer ago than this; returns how many entries they had."""
    return one_piece(PRUNE_DIGESTS, days=days)
