"""The inbox of a person: written by effects, read and marked as read by its owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from access.principal import Principal
from foundation.db import commit, db

NOTIFY = "INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)"
"""Followed by a SELECT of these columns."""

MEMBERS = "id, order_id, event_id, kind, title, body, created_at, read_at"

COUNT_LIMIT = 1000
"""The unread are counted up to here; beyond it nobody wants the number, and counting would cost."""

_MINE = "recipient_id = :id AND recipient_role = :role"

INBOX = text(
    f"""SELECT '[' || coalesce(string_agg(row_to_json(members)::text, ',' ORDER BY id DESC), '') || ']',
        min(id), count(*) FROM (
        SELECT {MEMBERS} FROM notifications WHERE {_MINE} AND id < :before ORDER BY id DESC LIMIT :limit) AS members"""
)
UNREAD = text(
    f"SELECT count(*) FROM (SELECT FROM notifications WHERE {_MINE} AND read_at IS NULL LIMIT {COUNT_LIMIT}) AS unread"
)
READ = text(f"UPDATE notifications SET read_at = clock_timestamp() WHERE {_MINE} AND read_at IS NULL AND id <= :up_to")

EMPTY = text("DELETE FROM notifications WHERE recipient_role = 'buyer' AND recipient_id = :id")
ERASE = text(
    """UPDATE notifications SET body = '' WHERE kind = 'status' AND body <> '' AND event_id IN (
        SELECT id FROM order_events WHERE order_id = ANY(:orders))"""
)
EXPORT = text(
    "SELECT row_to_json(n) FROM notifications n WHERE recipient_role = 'buyer' AND recipient_id = :id ORDER BY id"
)


def announce_notification(written: str) -> str:
    """A SELECT of the live events for the notifications that the CTE `written` returned."""
    members = ", ".join(f"n.{name}" for name in MEMBERS.split(", "))
    return f"""
    SELECT event_id AS subject_id, recipient_role || ':' || recipient_id AS channel, 'notification.created' AS type,
           '{{"at":' || to_json(created_at) || ',"type":"notification.created","notification":'
           || (SELECT row_to_json(members)::text FROM (SELECT {members}) AS members)
           || '}}' AS data
    FROM {written} n"""


def page(principal: Principal, before: int, limit: int) -> tuple[str, int | None]:
    """A page of the newest notifications below `before` as JSON text, and where the next one goes on."""
    values = {"id": principal.id, "role": principal.role, "before": before, "limit": limit}
    rows, lowest, count = db.session.execute(INBOX, values).one()
    return rows, lowest if count == limit else None


def unread_count(principal: Principal) -> int:
    """How many are unread, counted up to 1,000."""
    count: int = db.session.execute(UNREAD, {"id": principal.id, "role": principal.role}).scalar_one()
    return count


def mark_read(principal: Principal, up_to: int) -> None:
    """Mark everything up to this id as read."""
    db.session.execute(READ, {"id": principal.id, "role": principal.role, "up_to": up_to})
    commit()


def erase(buyer_id: int, order_ids: Sequence[int]) -> int:
    """Empty this buyer's inbox, and take the reasons out of what others were told of these orders; returns how many.

    Committed with what the caller erases next.
    """
    emptied = db.session.execute(EMPTY, {"id": buyer_id}).rowcount  # type: ignore[attr-defined]
    values = {"orders": list(order_ids)}
    return int(emptied + db.session.execute(ERASE, values).rowcount)  # type: ignore[attr-defined]


def export(buyer_id: int) -> list[Any]:
    """Everything in this buyer's inbox."""
    return list(db.session.scalars(EXPORT, {"id": buyer_id}))
