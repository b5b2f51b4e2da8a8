"""Writes and reads the conversation of an order: messages, and the internal notes beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import outbox
from access.actors import actor_json
from access.principal import LINK, Principal
from chat.effects import MESSAGE, NOTE
from foundation import logs, sql
from foundation.db import all_rows, commit, db, in_pieces
from foundation.errors import AppError, Forbidden
from outbox.engine import Engine
from outbox.entries import OutboxEntry

PAGE = 50
"""Messages per page by default: 500 of the longest were 8 MB."""

NOTE_READERS = ("seller", "operator", "auditor", "service")
"""Roles that read internal notes: all but buyers. They read the note of an order too."""

NOTE_WRITERS = ("seller", "operator")

EVENT_TYPES = {"person": MESSAGE, "note": NOTE}
"""By the kind of what is written."""

COLUMNS = {
    "id": "n.id",
    "order_id": "n.order_id",
    "event_id": "NULL::bigint",
    "kind": "'note'",
    "body": "n.body",
    "buyer_body": "NULL",
    "author_role": "n.author_role",
    "author_id": "n.author_id",
    "author_via": "n.author_via",
    "client_message_id": "n.client_message_id",
    "created_at": "n.created_at",
}
"""What is read of a message, and the same of an internal note `n`, in SQL."""


class MessageIdReused(AppError):
    """You have sent another message to this conversation with this `client_message_id`."""

    code, status = "message_id_reused", 409
    sentence = "This client_message_id belongs to another message of yours."


@dataclass(frozen=True)
class Parties:
    """The two sides of a conversation."""

    seller_id: int
    buyer_id: int


@dataclass(frozen=True)
class Draft:
    """What a person wants to write."""

    body: str
    kind: Literal["person", "note"] = "person"
    client_id: str | None = None
    """What the person's client calls it: sent again, it is written once."""


def message_json(alias: str, reader: str) -> str:
    """SQL for a message as JSON text, worded for its reader: `reader` is SQL for a role."""
    author = actor_json(f"{alias}.author_role", f"{alias}.author_id", f"{alias}.author_via", reader)
    return f"""(SELECT row_to_json(members)::text FROM (
        SELECT {alias}.id, {alias}.order_id, {alias}.event_id, {alias}.kind,
               CASE {reader} WHEN 'buyer' THEN coalesce({alias}.buyer_body, {alias}.body) ELSE {alias}.body END AS body,
               {author}::json AS author,
               CASE {reader} WHEN {alias}.author_role THEN {alias}.client_message_id END AS client_message_id,
               {alias}.created_at) AS members)"""


def _entry(event_type: str, source: str) -> str:
    return outbox.insert(event_type, source, pending=":pending", request_id=":request_id", owner=":owner")


SQL = sql.beside(
    __file__,
    message_entry=_entry(MESSAGE, "said"),
    note_entry=_entry(NOTE, "noted"),
    message=message_json("m", ":role"),
    message_said=message_json("said", ":role"),
    message_columns=", ".join(f"m.{name}" for name in COLUMNS),
    note_columns=", ".join(f"{value} AS {name}" for name, value in COLUMNS.items()),
)
WRITE = {"person": SQL.text("say"), "note": SQL.text("note")}
SENT = SQL.text("sent")
CONVERSATION = {False: SQL.text("conversation"), True: SQL.text("conversation_with_notes")}
"""Without internal notes, and with them."""

ERASE = SQL.text("erase")
ERASE_NOTES = SQL.text("erase_notes")
NOTES = SQL.text("notes")
EXPORT = SQL.text("export")


def say(engine: Engine, principal: Principal, order_id: int, parties: Parties, draft: Draft) -> str:
    """Write a person's message, or internal note, with the outbox entry of its effects, and return it as JSON text.

    What was sent before under the same id of the client is returned and not written again. Raises MessageIdReused if
    that was something else, and Forbidden for a note of somebody who writes none.
    """
    if draft.kind == "note" and principal.role not in NOTE_WRITERS:
        raise Forbidden("Internal notes are written by the seller and by operators.")
    known = _sent_before(principal, order_id, draft) if draft.client_id else None
    if known is not None:
        return known
    event_type = engine.event_types[EVENT_TYPES[draft.kind]]
    values = {
        "order_id": order_id,
        "seller_id": parties.seller_id,
        **({"buyer_id": parties.buyer_id} if draft.kind == "person" else {}),
        "role": principal.role,
        "id": principal.id,
        "via": principal.via,
        "body": draft.body,
        "client_id": draft.client_id,
        "pending": event_type.everything,
        "request_id": logs.request_id.get(),
        "owner": engine.owner,
    }
    written = db.session.execute(WRITE[draft.kind], values).one_or_none()
    if written is None:  # another request was faster, between the two statements
        known = _sent_before(principal, order_id, draft)
        assert known is not None
        return known
    message_id, entry_id, message = written
    entry = OutboxEntry(entry_id, event_type, message_id, order_id, event_type.everything, logs.request_id.get())
    commit(lambda: engine.dispatch(entry))
    return str(message)


def _sent_before(principal: Principal, order_id: int, draft: Draft) -> str | None:
    """The message that this person has sent under the draft's id; None if there is none."""
    asked = {"order_id": order_id, "role": principal.role, "id": principal.id, "client_id": draft.client_id}
    found = db.session.execute(SENT, asked).one_or_none()
    if found is None:
        return None
    *same, message = found
    if same != [draft.kind, draft.body, principal.via]:
        raise MessageIdReused
    return str(message)


def reads_notes(principal: Principal) -> bool:
    """Whether somebody reads internal notes; nobody with a tracking link, which may be in anybody's hands."""
    return principal.role in NOTE_READERS and principal.via != LINK


def conversation(principal: Principal, order_id: int, before: int, limit: int = PAGE) -> tuple[str, int | None]:
    """The newest messages below `before` as a JSON array, oldest first, worded for this reader; and the id below which
    earlier ones are, if there may be any."""
    values = {"order_id": order_id, "role": principal.role, "before": before, "limit": limit}
    found, lowest, count = db.session.execute(CONVERSATION[reads_notes(principal)], values).one()
    return found, lowest if count == limit else None


def erase(order_ids: Sequence[int]) -> int:
    """Erase the texts of people in these orders' conversations, in chunks that each commit; returns how many."""
    return in_pieces(ERASE, orders=list(order_ids)) + in_pieces(ERASE_NOTES, orders=list(order_ids))


def notes_of(order_ids: Sequence[int]) -> list[int]:
    """The ids of these orders' internal notes."""
    return [row[0] for row in all_rows(NOTES, orders=list(order_ids))]


def export(order_ids: Sequence[int]) -> Iterator[Any]:
    """All messages of these orders' conversations, without the internal notes: they are not the buyer's to read."""
    return (row[1] for order in order_ids for row in all_rows(EXPORT, order=order))
