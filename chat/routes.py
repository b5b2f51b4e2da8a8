"""The conversation of an order over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.actors import Acting
from access.idempotency import keyed
from access.principal import Principal, Role
from chat import marks, messages
from chat.messages import Draft, MessageIdReused, Parties
from foundation.contract import LARGEST_ID, Answer, Body, Id, OrderPath, Query, example, example_of, typed
from foundation.documentation import documented
from foundation.event_schemas import Event
from foundation.paging import link_next
from foundation.plain_text import PATTERN, plain_text

MESSAGE_CHARACTERS = 4000


Say = Callable[[Principal, int, Parties, Draft], str]
"""Writes what a person wants to say in an order's conversation; returns the message as JSON text."""

See = Callable[[Principal, int, Parties, int], None]
"""Marks an order's conversation as seen by a person up to a message."""


class CreateMessageRequest(Body):
    """A message to send, or an internal note to write. It is plain text, whose line ends are stored as line feeds."""

    model_config = example(body="Could you wrap it as a present?", client_message_id="5b1f3c52-0d7e")

    body: Annotated[
        str,
        pydantic.StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_CHARACTERS),
        pydantic.AfterValidator(plain_text),
        pydantic.Field(json_schema_extra={"pattern": PATTERN}),
    ]
    kind: Annotated[
        Literal["person", "note"],
        pydantic.Field(
            description="`note` is an internal note, which buyers never see: the seller and operators write it, and "
            "auditors and the marketplace's systems read it too."
        ),
    ] = "person"
    client_message_id: Annotated[
        str | None,
        pydantic.Field(
            pattern=r"^[\x21-\x7e]{1,64}$",
            description="What you call the message, such as a UUID: while the conversation exists, sending it again "
            "returns the message and writes nothing.",
        ),
    ] = None

    @property
    def draft(self) -> Draft:
        """What it asks to be written."""
        return Draft(self.body, self.kind, self.client_message_id)


class MessagesQuery(Query):
    """Newest first by page; `cursor` is the `next_cursor` of the previous page."""

    cursor: Annotated[Id, pydantic.Field(description="`next_cursor` of the previous page.", examples=[1001])] = (
        LARGEST_ID
    )
    limit: int = pydantic.Field(messages.PAGE, ge=1, le=200, description="Messages per page.", examples=[50])


class MessageAuthor(Acting):
    """Who wrote the message."""

    role: Role


class Message(Answer):
    """One message of the conversation."""

    model_config = example(
        id=1,
        order_id=1,
        event_id=None,
        kind="person",
        body="Could you wrap it as a present?",
        author={"role": "buyer", "id": 1},
        client_message_id="5b1f3c52-0d7e",
        created_at="2026-11-24T09:31:00.123456+00:00",
    )

    id: Id
    order_id: Id
    event_id: Annotated[Id | None, pydantic.Field(description="The change that a `system` message reports.")]
    kind: Annotated[
        Literal["system", "person", "note"],
        pydantic.Field(
            description="`system` messages report a status change; a `note` is internal, never the buyer's."
        ),
    ]
    body: str
    author: MessageAuthor | None
    client_message_id: Annotated[
        str | None, pydantic.Field(description="What its author's client calls it; for the author's side only.")
    ]
    created_at: datetime


class SeenMark(Answer):
    """Up to where somebody has seen the conversation. Of the other side, one stands for the whole account."""

    model_config = example(
        order_id=1, reader={"role": "seller", "id": 1}, up_to=1, at="2026-11-24T09:32:00.123456+00:00"
    )

    order_id: Id
    reader: MessageAuthor
    up_to: Annotated[Id, pydantic.Field(description="The newest message that was seen.")]
    at: datetime


class MessageSeenEvent(Event):
    """Somebody has seen the conversation of an order up to a message."""

    type: Literal["message.seen"]
    seen: SeenMark


class MarkMessagesSeenRequest(Body):
    """Marks all messages up to this one, and the internal notes before it, as seen by you."""

    model_config = example(up_to=1)

    up_to: Id


class MessagesSeen(Answer):
    """How far the conversation was read."""

    model_config = example(unread_count=0, seen=[])

    unread_count: Annotated[
        int,
        pydantic.Field(
            description="Messages that you have not seen, counted up to 1,000. Your own, and those that report what "
            "you did, are none of them."
        ),
    ]
    seen: Annotated[list[SeenMark], pydantic.Field(description="Who has seen it up to where, of both sides.")]


class MessageCreatedEvent(Event):
    """A message was written in the conversation of an order."""

    delivered: ClassVar[bool] = True
    type: Literal["message.created"]
    message: Message


class MessagePage(MessagesSeen):
    """A page of the conversation, oldest first; paging goes back from the newest."""

    model_config = example(messages=[example_of(Message)], next_cursor=None, unread_count=0, seen=[])

    messages: list[Message]
    next_cursor: Annotated[
        int | None, pydantic.Field(description="Send it as `cursor` for the previous messages; null on the last page.")
    ]


def blueprint(say: Say, see: See, parties_of: Callable[[Principal, int], Parties]) -> APIBlueprint:
    """The routes of the conversation; `parties_of` decides who may take part."""
    routes = APIBlueprint(
        "chat", __name__, abp_tags=[{"name": "Messages", "description": "The conversation of an order."}]
    )
    guards.protect(routes)

    @routes.get(
        "/api/orders/<int:order_id>/messages",
        summary="Read an order's conversation",
        **documented(MessagePage, headers=("Link", "Onward-Cursor")),
    )
    @typed
    def list_messages(path: OrderPath, query: MessagesQuery) -> Response:
        """Page by page from the newest back; a page is in the order in which its messages were written."""
        parties_of(guards.current(), path.order_id)
        found, cursor = messages.conversation(guards.current(), path.order_id, query.cursor, query.limit)
        text = f'{{"messages":{found},"next_cursor":{cursor or "null"},{_seen(path.order_id)}}}'
        return link_next(Response(text, content_type="application/json"), cursor)

    @routes.post(
        "/api/orders/<int:order_id>/messages",
        summary="Send a message",
        **documented(Message, MessageIdReused, status=201),
    )
    @typed
    @keyed
    def create_message(path: OrderPath, body: CreateMessageRequest) -> Response:
        """Both sides receive it as a live event, and the other side is notified; of a note, the seller alone."""
        principal = guards.current()
        parties = parties_of(principal, path.order_id)
        guards.count_message()
        message = say(principal, path.order_id, parties, body.draft)
        return Response(message, status=201, content_type="application/json")

    _add_seen(routes, see, parties_of)
    return routes


def _add_seen(routes: APIBlueprint, see: See, parties_of: Callable[[Principal, int], Parties]) -> None:
    @routes.post(
        "/api/orders/<int:order_id>/messages/seen",
        summary="Mark messages as seen",
        **documented(MessagesSeen),
    )
    @typed
    @keyed
    def mark_messages_seen(path: OrderPath, body: MarkMessagesSeenRequest) -> Response:
        """Seen by you, not by your colleagues; the other side receives it as a live event. A mark never moves back."""
        principal = guards.current()
        see(principal, path.order_id, parties_of(principal, path.order_id), body.up_to)
        return Response(f"{{{_seen(path.order_id)}}}", content_type="application/json")


def _seen(order_id: int) -> str:
    """The members that say how far the conversation was read."""
    found = marks.reading(guards.current(), order_id)
    return f'"unread_count":{found.unread},"seen":{found.marks}'
