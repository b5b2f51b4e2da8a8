"""The inbox of a person: written by effects, read and marked as read by its owner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from access.principal import Principal
from foundation import sql
from foundation.db import PIECE, all_rows, db, in_pieces
from side_effects.effects import AnnouncedEvent

NOTIFY = """INSERT INTO notifications
        (id, event_id, order_id, kind, recipient_role, recipient_id, title, body, created_at)"""
"""Followed by a SELECT of these columns; the id is drawn from `notifications_id_seq` beforehand."""

MEMBERS = "id, order_id, event_id, kind, title, body, created_at, read_at"

COUNT_LIMIT = 1000
"""Unread notifications are counted up to this limit; beyond it nobody needs the number, and counting would cost."""

SQL = sql.beside(__file__, count_limit=COUNT_LIMIT, members=MEMBERS)
INBOX = SQL.text("inbox")
UNREAD = SQL.text("unread")
READ = SQL.text("read")
EMPTY = SQL.text("empty")
ERASE = SQL.text("erase")
EXPORT = SQL.text("export")
PRUNE = SQL.text("prune")


def live_notification(
    side: str, condition: str, *, id: str, kind: str, title: str, body: str, inserted: str
) -> AnnouncedEvent:
    """The live event of a notification to this side of a change: in the form of `MEMBERS`, in pieces.

    `id`, `title` and `body` are SQL over the change, which also has `id`, `order_id` and `done_at`.
    """
    pieces = (
        """'{"at":' || to_json(done_at) || ',"type":"notification.created","notification":{"id":'""",
        f"{id}::text",
        f"""',"order_id":' || order_id || ',"event_id":' || id || ',"kind":"{kind}","title":' || to_json({title})
               || ',"body":'""",
        f"to_json({body})::text",
        """',"created_at":' || to_json(done_at) || ',"read_at":null}}'""",
    )
    return AnnouncedEvent(f"'{side}:' || {side}_id", "'notification.created'", pieces, condition, id, inserted)


def page(principal: Principal, before: int, limit: int) -> tuple[str, int | None]:
    """A page of the newest notifications below `before` as JSON text, and the cursor of the next one."""
    values = {"id": principal.id, "role": principal.role, "before": before, "limit": limit}
    rows, lowest, count = db.session.execute(INBOX, values).one()
    return rows, lowest if count == limit else None


def unread_count(principal: Principal) -> int:
    """The number of unread notifications, counted up to 1,000."""
    count: int = db.session.execute(UNREAD, {"id": principal.id, "role": principal.role}).scalar_one()
    return count


def mark_read(principal: Principal, up_to: int) -> None:
    """Mark everything up to this id as read, in chunks that each commit, so that it works for any number."""
    in_pieces(READ, id=principal.id, role=principal.role, up_to=up_to)


def erase(order_ids: Sequence[int]) -> int:
    """Erase the reasons from the notifications of these orders, in chunks that each commit. Returns how many."""
    return in_pieces(ERASE, orders=list(order_ids))


def empty(buyer_id: int) -> int:
    """Delete this buyer's inbox, in chunks that each commit; returns the number of notifications."""
    return in_pieces(EMPTY, id=buyer_id)


def export(buyer_id: int) -> Iterator[Any]:
    """Everything in this buyer's inbox."""
    return (row[1] for row in all_rows(EXPORT, id=buyer_id))


def prune(days: int) -> int:
    """Delete a chunk of what is older than this; returns how many."""
    count: int = db.session.execute(PRUNE, {"days": days, "piece": PIECE}).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return count
