"""The inbox of a person: written by effects, read and marked as read by its owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import TextClause

from access.principal import Principal
from foundation import clock, sql
from foundation.contract import LARGEST_ID
from foundation.db import PIECE, all_rows, db, in_pieces, one_piece
from side_effects.effects import AnnouncedEvent

NOTIFY = """INSERT INTO notifications
        (id, event_id, order_id, kind, recipient_role, recipient_id, title, body, created_at)"""
"""Followed by a SELECT of these columns; the id is drawn from `notifications_id_seq` beforehand."""

CREATED_TYPE, READ_TYPE = "notification.created", "notification.read"

MEMBERS = "id, CASE WHEN order_id > 0 THEN order_id END AS order_id, event_id, kind, title, body, created_at, read_at"

COUNT_LIMIT = 1000
"""Unread entries are counted up to this limit; beyond it nobody needs the number, and counting would cost."""

BURST_SECONDS = 120
"""Notifications about one order that follow each other within this time are one entry: people do several things to an
order in a row, and the result is what matters to the other side."""

BURST_ROWS = 1000
"""Of a burst, as many are counted and marked as read together."""

ROWS_READ = 4000
"""The most notifications that a page of entries, or the count, looks at: 10 ms, however long a burst is."""

SQL = sql.beside(
    __file__,
    count_limit=COUNT_LIMIT,
    members=MEMBERS,
    burst_seconds=BURST_SECONDS,
    burst_rows=BURST_ROWS,
    rows_read=ROWS_READ,
    largest_id=LARGEST_ID,
)
INBOX = SQL.text("inbox")
ENTRIES = SQL.text("entries")
UNREAD = SQL.text("unread")
READ = SQL.text("read")
READ_SOME = SQL.text("read_some")
EMPTY = SQL.text("empty")
ERASE = SQL.text("erase")
EXPORT = SQL.text("export")
PRUNE = SQL.text("prune")

Append = Callable[[str, str, str], object]
"""Adds a live event (channel, type, data as JSON text) to the transaction of the session."""


def live_notification(
    side: str, condition: str, *, id: str, kind: str, title: str, body: str, inserted: str
) -> AnnouncedEvent:
    """The live event of a notification to this side of a change: in the form of `MEMBERS`, in pieces.

    `id`, `title` and `body` are SQL over the change, which also has `id`, `order_id` and `done_at`.
    """
    pieces = (
        f"""'{{"at":' || to_json(done_at) || ',"type":"{CREATED_TYPE}","notification":{{"id":'""",
        f"{id}::text",
        f"""',"order_id":' || order_id || ',"event_id":' || id || ',"kind":"{kind}","title":' || to_json({title})
               || ',"body":'""",
        f"to_json({body})::text",
        """',"created_at":' || to_json(done_at) || ',"read_at":null}}'""",
    )
    return AnnouncedEvent(f"'{side}:' || {side}_id", f"'{CREATED_TYPE}'", pieces, condition, id, inserted)


@dataclass(frozen=True)
class Unread:
    """How many entries of a recipient are unread."""

    who: str
    """`seller:7`."""

    count: int
    """Up to COUNT_LIMIT."""

    as_of: int | None
    """The recipient's newest notification at that time; None if there is none."""


def page(principal: Principal, before: int, limit: int, grouped: bool = False) -> tuple[str, int | None]:
    """A page of the newest notifications below `before` as JSON text, and the cursor of the next one.

    `grouped`: one entry for each burst, which is its newest notification, with the `count` of what it stands for.
    """
    values = {"id": principal.id, "role": principal.role, "before": before, "limit": limit}
    rows, cursor = db.session.execute(ENTRIES if grouped else INBOX, values).one()
    return rows, cursor


def unread(recipients: Sequence[tuple[str, int]]) -> list[Unread]:
    """The unread entries of these recipients, each a role and an id."""
    roles, ids = [role for role, _ in recipients], [id for _, id in recipients]
    return [Unread(*row) for row in db.session.execute(UNREAD, {"roles": roles, "ids": ids})]


def unread_count(principal: Principal) -> int:
    """The number of unread entries, counted up to 1,000."""
    return unread([(principal.role, principal.id)])[0].count


class Marks:
    """Marks notifications as read, with a live event for the recipient's other tabs, each time in one commit."""

    def __init__(self, append: Append) -> None:
        self._append = append

    def up_to(self, principal: Principal, up_to: int) -> None:
        """Mark everything up to this id, in chunks that each commit, so that it works for any number."""
        values, count = {"id": principal.id, "role": principal.role, "up_to": up_to, "piece": PIECE}, PIECE
        while count == PIECE:
            count = self._mark(principal, READ, values, up_to=up_to)

    def some(self, principal: Principal, ids: Sequence[int]) -> None:
        """Mark these, with all that each of them stands for."""
        self._mark(principal, READ_SOME, {"id": principal.id, "role": principal.role, "ids": ids}, ids=ids)

    def _mark(
        self,
        principal: Principal,
        statement: TextClause,
        values: dict[str, Any],
        up_to: int | None = None,
        ids: Sequence[int] | None = None,
    ) -> int:
        count: int = db.session.execute(statement, values).rowcount  # type: ignore[attr-defined]
        if count:
            # Counted before the log's lock is taken, for which every batch of effects waits.
            (left,) = unread([(principal.role, principal.id)])
            event = {"at": clock.now(), "type": READ_TYPE, "up_to": up_to, "ids": ids}
            event |= {"unread_count": left.count, "as_of": left.as_of}
            self._append(principal.who, READ_TYPE, orjson.dumps(event).decode())
        db.session.commit()
        return count


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
    return one_piece(PRUNE, days=days)
