"""The inbox of a person: written by effects, read and marked as read by its owner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text

from access.principal import Principal
from foundation.db import PIECE, all_rows, db, in_pieces

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
READ = text(
    f"""UPDATE notifications SET read_at = clock_timestamp() WHERE id = ANY(ARRAY(
        SELECT id FROM notifications WHERE {_MINE} AND read_at IS NULL AND id <= :up_to
        LIMIT :piece FOR NO KEY UPDATE SKIP LOCKED))"""
)
"""A piece at a time, in the order of the index: without an id in it, it costs a notification less to be written."""

EMPTY = text(
    """DELETE FROM notifications WHERE id = ANY(ARRAY(
        SELECT id FROM notifications WHERE recipient_role = 'buyer' AND recipient_id = :id ORDER BY id LIMIT :piece))"""
)
ERASE = text(
    """UPDATE notifications SET body = '' WHERE id = ANY(ARRAY(
        SELECT n.id FROM notifications n JOIN order_events e ON e.id = n.event_id
        WHERE e.order_id = ANY(:orders) AND n.kind = 'status' AND n.body <> '' LIMIT :piece))"""
)
EXPORT = text(
    """SELECT id, row_to_json(n) FROM notifications n
    WHERE recipient_role = 'buyer' AND recipient_id = :id AND id > :after ORDER BY id LIMIT :piece"""
)
PRUNE = text(
    """WITH oldest AS (SELECT id, created_at FROM notifications ORDER BY id LIMIT :piece),
    old AS (SELECT max(id) AS id FROM oldest WHERE created_at < clock_timestamp() - make_interval(days => :days))
    DELETE FROM notifications WHERE id <= (SELECT id FROM old)"""
)
"""A range of the primary key, of bounded length, since the ids follow the time."""


def announce_notification(written: str) -> str:
    """A SELECT of the live events for the notifications that the CTE `written` returned."""
    members = ", ".join(f"n.{name}" for name in MEMBERS.split(", "))
    return f"""
    SELECT event_id, n.order_id,
           recipient_role || ':' || recipient_id AS channel, 'notification.created' AS type,
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
    """Mark everything up to this id as read; in pieces that each commit, so that it works for any number."""
    in_pieces(READ, id=principal.id, role=principal.role, up_to=up_to)


def erase(order_ids: Sequence[int]) -> int:
    """Take the reasons out of what people were told of these orders; in pieces that each commit. Returns how many."""
    return in_pieces(ERASE, orders=list(order_ids))


def empty(buyer_id: int) -> int:
    """Delete this buyer's inbox, in pieces that each commit; returns how many notifications it held."""
    return in_pieces(EMPTY, id=buyer_id)


def export(buyer_id: int) -> Iterator[Any]:
    """Everything in this buyer's inbox."""
    return (row[1] for row in all_rows(EXPORT, id=buyer_id))


def prune(days: int) -> int:
    """Delete a piece of what is older than this; returns how many."""
    count: int = db.session.execute(PRUNE, {"days": days, "piece": PIECE}).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return count
