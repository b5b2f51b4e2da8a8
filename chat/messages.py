"""Writes and reads the messages of an order's conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import outbox
from access.actors import acting_json, actor_json, actor_seen_by
from access.principal import Principal
from foundation import logs, sql
from foundation.db import all_rows, commit, db, in_pieces
from outbox.engine import Engine
from outbox.entries import OutboxEntry
from side_effects.effects import AnnouncedEvent, EventType, WrittenEffect, is_pending

CONTEXT = "order-message"
EVENT_TYPE = "message"
MESSAGE_BIT = 6
"""The bit of this event type's one effect in the outbox; bits are unique over all event types."""

SAY_SYSTEM = "INSERT INTO messages (id, kind, order_id, event_id, seller_id, buyer_id, body, buyer_body, created_at)"
"""Followed by a SELECT of these columns; the id is drawn from `messages_id_seq` beforehand."""

PAGE = 50
"""Messages per page by default: 500 of the longest were 8 MB."""


@dataclass(frozen=True)
class Parties:
    """The two sides of a conversation."""

    seller_id: int
    buyer_id: int


def message_json(alias: str, reader: str) -> str:
    """SQL for a message as JSON text, worded for its reader: `reader` is SQL for a role."""
    author = actor_json(f"{alias}.author_role", f"{alias}.author_id", f"{alias}.author_via", reader)
    return f"""(SELECT row_to_json(members)::text FROM (
        SELECT {alias}.id, {alias}.order_id, {alias}.kind,
               CASE {reader} WHEN 'buyer' THEN coalesce({alias}.buyer_body, {alias}.body) ELSE {alias}.body END AS body,
               {author}::json AS author, {alias}.created_at) AS members)"""


def live_message(
    condition: str,
    *,
    id: str,
    kind: str,
    seller_body: str,
    buyer_body: str,
    created_at: str,
    authors: tuple[str, str] = ("'null'", "'null'"),
    inserted: str = "",
) -> tuple[AnnouncedEvent, AnnouncedEvent]:
    """The live events of a message to both sides: in the form of `message_json`, in pieces.

    All of them are SQL over the row, which also has `order_id`, `seller_id` and `buyer_id`. `authors`: as the seller
    and as the buyer see the author.
    """
    begins = f"""'{{"at":' || to_json({created_at}) || ',"type":"message.created","message":{{"id":' || {id}
               || ',"order_id":' || order_id || ',"kind":"' || {kind} || '","body":'"""
    ends = f"""',"created_at":' || to_json({created_at}) || '}}}}'"""

    def to(side: str, body: str, author: str) -> AnnouncedEvent:
        pieces = (begins, f"to_json({body})::text", f"""',"author":' || {author}""", ends)
        return AnnouncedEvent(f"'{side}:' || {side}_id", "'message.created'", pieces, condition, id, inserted)

    return to("buyer", buyer_body, authors[1]), to("seller", seller_body, authors[0])


def event_type() -> EventType:
    """Messages of people: their effect is a live event for both sides."""
    source = f"""
said AS MATERIALIZED (
    SELECT s.pending, m.*, {acting_json("m.author_role", "m.author_id", "m.author_via")} AS acting FROM completed s
    CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = s.event_id OFFSET 0) AS m WHERE s.event_type =
        '{EVENT_TYPE}')"""
    seen_by_seller, seen_by_buyer = (actor_seen_by(side, "author_role", "author_id") for side in ("seller", "buyer"))
    live = live_message(
        is_pending(MESSAGE_BIT),
        id="id",
        kind="kind",
        seller_body="body",
        buyer_body="coalesce(buyer_body, body)",
        created_at="created_at",
        authors=(seen_by_seller, seen_by_buyer),
    )
    return EventType(
        EVENT_TYPE, CONTEXT, source, (WrittenEffect("realtime.message", MESSAGE_BIT, live=live),), rows="said"
    )


SQL = sql.beside(
    __file__,
    entry=outbox.insert(EVENT_TYPE, "said", pending=str(1 << MESSAGE_BIT), request_id=":request_id", owner=":owner"),
    message=message_json("m", ":role"),
    message_said=message_json("said", ":role"),
)
SAY = SQL.text("say")
CONVERSATION = SQL.text("conversation")
ERASE = SQL.text("erase")
EXPORT = SQL.text("export")


def say(engine: Engine, event_type: EventType, principal: Principal, order_id: int, parties: Parties, body: str) -> str:
    """Write a person's message with the outbox entry of its live events, and return it as JSON text."""
    values = {
        "order_id": order_id,
        "seller_id": parties.seller_id,
        "buyer_id": parties.buyer_id,
        "role": principal.role,
        "id": principal.id,
        "via": principal.via,
        "body": body,
        "request_id": logs.request_id.get(),
        "owner": engine.owner,
    }
    message_id, entry_id, message = db.session.execute(SAY, values).one()
    entry = OutboxEntry(entry_id, event_type, message_id, order_id, event_type.everything, logs.request_id.get())
    commit(lambda: engine.dispatch(entry))
    return str(message)


def conversation(principal: Principal, order_id: int, before: int, limit: int = PAGE) -> tuple[str, int | None]:
    """The newest messages below `before` as a JSON array, oldest first, worded for this reader; and the id below which
    earlier ones are, if there may be any."""
    values = {"order_id": order_id, "role": principal.role, "before": before, "limit": limit}
    found, lowest, count = db.session.execute(CONVERSATION, values).one()
    return found, lowest if count == limit else None


def erase(order_ids: Sequence[int]) -> int:
    """Erase the texts of people in these orders' conversations, in chunks that each commit; returns how many."""
    return in_pieces(ERASE, orders=list(order_ids))


def export(order_ids: Sequence[int]) -> Iterator[Any]:
    """All messages of these orders' conversations."""
    return (row[1] for order in order_ids for row in all_rows(EXPORT, order=order))
