"""What follows from a conversation: the event types of messages, of internal notes and of seen marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from access.actors import acting_json, actor_seen_by
from chat import sent_messages
from notifications import gate
from notifications.inbox import NOTIFY, live_notification
from side_effects.effects import IF_NEW, AnnouncedEvent, EventType, WrittenEffect, is_pending

MESSAGE_CREATED = "message.created"
"""The kind of news for which people choose how they are notified."""

MESSAGE, NOTE, SEEN = "message", "note", "message.seen"
"""The event types in the outbox. A process that does not know notes leaves their entries to others, instead of taking
them for messages."""

MESSAGE_BIT, WEBHOOK_BIT, NOTIFICATION_BIT = 6, 10, 11
BUYER_MAIL_BIT, SELLER_MAIL_BIT = 12, 14
NOTE_BIT, NOTE_NOTIFICATION_BIT, SEEN_BIT = 15, 16, 17
"""Bits of the effects in the outbox; they are unique over all event types."""

BITS = {
    MESSAGE_BIT: "realtime.message",
    WEBHOOK_BIT: "webhook.delivery",
    NOTIFICATION_BIT: "notification.message",
    BUYER_MAIL_BIT: "email.message_to_buyer",
    SELLER_MAIL_BIT: "email.message_to_seller",
    NOTE_BIT: "realtime.note",
    NOTE_NOTIFICATION_BIT: "notification.note",
    SEEN_BIT: "realtime.seen",
}

SAY_SYSTEM = "INSERT INTO messages (id, kind, order_id, event_id, seller_id, buyer_id, body, buyer_body, created_at)"
"""Followed by a SELECT of these columns; the id is drawn from `messages_id_seq` beforehand."""

EXCERPT_CHARACTERS = 200
"""Of a message's text in its notification: a page of the inbox has fifty of them."""

EXCERPT = f"""CASE WHEN length(body) > {EXCERPT_CHARACTERS} THEN left(body, {EXCERPT_CHARACTERS - 1}) || '…'
        ELSE body END"""

TITLES = {"message": "new message", "note": "internal note"}
"""Of notifications, by their kinds, behind the order's number."""

Side = Literal["seller", "buyer"]
SIDES: tuple[Side, ...] = ("seller", "buyer")


@dataclass(frozen=True)
class LiveMessage:
    """What the live events of a message are made of: SQL over a row that also has `order_id` and the sides' ids."""

    id: str
    kind: str
    created_at: str
    event_id: str = "'null'"
    inserted: str = ""
    """As in AnnouncedEvent."""

    def to(
        self, side: Side, condition: str, body: str, author: str = "'null'", client_id: str = "'null'"
    ) -> AnnouncedEvent:
        """The event for a side, in the form of `message_json`, in pieces. `author` and `client_id` are JSON, as this
        side sees them."""
        begins = f"""'{{"at":' || to_json({self.created_at}) || ',"type":"message.created","message":{{"id":'
               || {self.id} || ',"order_id":' || order_id || ',"event_id":' || {self.event_id}
               || ',"kind":"' || {self.kind} || '","body":'"""
        by = f"""',"author":' || {author} || ',"client_message_id":' || {client_id}"""
        ends = f"""',"created_at":' || to_json({self.created_at}) || '}}}}'"""
        pieces = (begins, f"to_json({body})::text", by, ends)
        return AnnouncedEvent(f"'{side}:' || {side}_id", "'message.created'", pieces, condition, self.id, self.inserted)


def event_types(number: str, more: Sequence[WrittenEffect] = ()) -> tuple[EventType, ...]:
    """Those of messages of people, of internal notes, and of seen marks.

    `number` is SQL for the number of the order `order_id`. `more` are further effects of a message: they read the CTE
    `said`, which has the message, the order's `number`, and `to_seller` and `to_buyer`: whether that side is notified.
    """
    return _of_messages(number, more), _of_notes(number), _of_marks()


def _of_messages(number: str, more: Sequence[WrittenEffect]) -> EventType:
    drawn = ", ".join(_drawn(side, NOTIFICATION_BIT) for side in SIDES)
    source = f"""
said AS MATERIALIZED (
    SELECT *, {drawn} FROM (
        SELECT s.pending, m.*, {_acting("m")} AS acting, {number} AS number, '' AS request_id,
               clock_timestamp() AS done_at, {", ".join(f"author_role <> '{side}' AS to_{side}" for side in SIDES)}
        FROM completed s CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = s.event_id OFFSET 0) AS m
        WHERE s.event_type = '{MESSAGE}' OFFSET 0) AS of_people)"""
    live = LiveMessage("id", "kind", "created_at")
    bodies = {"seller": "body", "buyer": "coalesce(buyer_body, body)"}
    said = WrittenEffect(
        BITS[MESSAGE_BIT], MESSAGE_BIT, live=tuple(_live(live, side, MESSAGE_BIT, bodies[side]) for side in SIDES)
    )
    effects = (said, _notification("said", "message", NOTIFICATION_BIT, SIDES), *more)
    handlers = tuple(one.handler for one in more if one.handler)
    return EventType(MESSAGE, "order-message", source, effects, sent_messages.load, rows="said", handlers=handlers)


def _of_notes(number: str) -> EventType:
    """They are on the seller's channel only, which the operators follow too; and an operator's note notifies the
    seller."""
    source = f"""
noted AS MATERIALIZED (
    SELECT *, {_drawn("seller", NOTE_NOTIFICATION_BIT)} FROM (
        SELECT s.pending, n.*, {_acting("n")} AS acting, {number} AS number, clock_timestamp() AS done_at,
               author_role <> 'seller' AS to_seller
        FROM completed s CROSS JOIN LATERAL (SELECT * FROM internal_notes n WHERE id = s.event_id OFFSET 0) AS n
        WHERE s.event_type = '{NOTE}' OFFSET 0) AS of_staff)"""
    live = LiveMessage("id", "'note'", "created_at")
    noted = WrittenEffect(BITS[NOTE_BIT], NOTE_BIT, live=(_live(live, "seller", NOTE_BIT, "body"),))
    notification = _notification("noted", "note", NOTE_NOTIFICATION_BIT, ("seller",))
    return EventType(NOTE, "order-note", source, (noted, notification), rows="noted", pack_id="-id")


def _of_marks() -> EventType:
    """Both sides see how far the other has read. A mark that has moved again meanwhile is announced by its last move
    only."""
    source = f"""
marks_moved AS MATERIALIZED (
    SELECT s.pending, k.*, {_acting("k", "reader")} AS acting FROM completed s
    CROSS JOIN LATERAL (SELECT * FROM message_marks WHERE id = s.event_id OFFSET 0) AS k
    WHERE s.event_type = '{SEEN}')"""
    begins = """'{"at":' || to_json(at) || ',"type":"message.seen","seen":{"order_id":' || order_id || ',"reader":'"""
    ends = """',"up_to":' || up_to || ',"at":' || to_json(at) || '}}'"""
    live = tuple(
        AnnouncedEvent(
            f"'{side}:' || {side}_id",
            "'message.seen'",
            (begins, actor_seen_by(side, "reader_role", "reader_id"), ends),
            is_pending(SEEN_BIT),
        )
        for side in SIDES
    )
    return EventType(
        SEEN, "order-message-seen", source, (WrittenEffect(BITS[SEEN_BIT], SEEN_BIT, live=live),), rows="marks_moved"
    )


def _acting(alias: str, who: str = "author") -> str:
    return acting_json(f"{alias}.{who}_role", f"{alias}.{who}_id", f"{alias}.{who}_via")


def _drawn(side: Side, bit: int) -> str:
    wanted = gate.in_inbox(f"'{side}:' || {side}_id", f"'{MESSAGE_CREATED}'")
    notified = f"{is_pending(bit)} AND to_{side} AND {wanted}"
    return f"CASE WHEN {notified} THEN nextval('notifications_id_seq') END AS notified_{side}"


def _live(live: LiveMessage, side: Side, bit: int, body: str) -> AnnouncedEvent:
    """Only its author's side reads what the author's client calls it."""
    own = f"CASE WHEN author_role = '{side}' THEN to_json(client_message_id)::text END"
    author = actor_seen_by(side, "author_role", "author_id")
    return live.to(side, is_pending(bit), body, author, f"coalesce({own}, 'null')")


def _notification(rows: str, kind: str, bit: int, sides: Sequence[Side]) -> WrittenEffect:
    """In the inbox of each side that did not write it; of both, if neither did."""
    inserted = f"{kind}_notices"
    title = f"'Order #' || number || ' · {TITLES[kind]}'"
    ids = ", ".join(f"(c.notified_{side}, '{side}', c.{side}_id)" for side in sides)
    ctes = f"""
{inserted} AS (
    {NOTIFY}
    SELECT side.id, c.id, c.order_id, '{kind}', side.role, side.person, {title}, {EXCERPT}, c.done_at
    FROM {rows} c CROSS JOIN LATERAL (VALUES {ids}) AS side (id, role, person)
    WHERE side.id IS NOT NULL
    {IF_NEW})"""
    live = tuple(
        live_notification(
            side,
            f"notified_{side} IS NOT NULL",
            id=f"notified_{side}",
            kind=kind,
            title=title,
            body=EXCERPT,
            inserted=inserted,
        )
        for side in sides
    )
    return WrittenEffect(BITS[bit], bit, ctes, live)
