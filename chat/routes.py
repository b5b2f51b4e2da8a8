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
from chat import messages
from foundation.contract import LARGEST_ID, Answer, Body, Id, OrderPath, Query, example, example_of, typed
from foundation.documentation import documented
from foundation.event_schemas import Event
from foundation.paging import link_next
from outbox.engine import Engine
from side_effects.effects import EventType

MESSAGE_CHARACTERS = 4000


class CreateMessageRequest(Body):
    """A message to send."""

    model_config = example(body="Could you wrap it as a present?")

    body: Annotated[str, pydantic.StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_CHARACTERS)]


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
        kind="person",
        body="Could you wrap it as a present?",
        author={"role": "buyer", "id": 1},
        created_at="2026-11-24T09:31:00.123456+00:00",
    )

    id: Id
    order_id: Id
    kind: Annotated[
        Literal["system", "person"], pydantic.Field(description="`system` messages report a status change.")
    ]
    body: str
    author: MessageAuthor | None
    created_at: datetime


class MessageCreatedEvent(Event):
    """A message was written in the conversation of an order."""

    delivered: ClassVar[bool] = True
    type: Literal["message.created"]
    message: Message


class MessagePage(Answer):
    """A page of the conversation, oldest first; paging goes back from the newest."""

    model_config = example(messages=[example_of(Message)], next_cursor=None)

    messages: list[Message]
    next_cursor: Annotated[
        int | None, pydantic.Field(description="Send it as `cursor` for the previous messages; null on the last page.")
    ]


def blueprint(
    engine: Engine, event_type: EventType, parties_of: Callable[[Principal, int], messages.Parties]
) -> APIBlueprint:
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
        text = f'{{"messages":{found},"next_cursor":{cursor or "null"}}}'
        return link_next(Response(text, content_type="application/json"), cursor)

    @routes.post(
        "/api/orders/<int:order_id>/messages",
        summary="Send a message",
        **documented(Message, status=201),
    )
    @typed
    @keyed
    def create_message(path: OrderPath, body: CreateMessageRequest) -> Response:
        """Both sides receive it as a live event."""
        principal = guards.current()
        parties = parties_of(principal, path.order_id)
        message = messages.say(engine, event_type, principal, path.order_id, parties, body.body)
        return Response(message, status=201, content_type="application/json")

    return routes
