"""The conversation of an order over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import keyed
from access.principal import Principal, Role
from chat import messages
from foundation.contract import Answer, Body, Id, OrderPath, example, example_of, typed
from foundation.documentation import documented
from side_effects.effects import Topic
from side_effects.engine import Engine

MESSAGE_CHARACTERS = 4000


class NewMessage(Body):
    """What somebody says."""

    model_config = example(body="Could you wrap it as a present?")

    body: Annotated[str, pydantic.StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_CHARACTERS)]


class Author(Answer):
    role: Role
    id: int


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
    kind: Annotated[Literal["system", "person"], pydantic.Field(description="`system` tells of a change.")]
    body: str
    author: Author | None
    created_at: datetime


class Conversation(Answer):
    """The newest 500 messages, oldest first."""

    model_config = example(messages=[example_of(Message)])

    messages: list[Message]


def blueprint(engine: Engine, topic: Topic, parties_of: Callable[[Principal, int], messages.Parties]) -> APIBlueprint:
    """The chat's routes; who may take part in an order's conversation is told from above."""
    routes = APIBlueprint("chat", __name__, abp_tags=[{"name": "Messages"}])
    guards.protect(routes)

    @routes.get(
        "/api/orders/<int:order_id>/messages", summary="Read an order's conversation", **documented(Conversation)
    )
    @typed
    def read_conversation(path: OrderPath) -> Response:
        parties_of(guards.current(), path.order_id)
        text = messages.conversation(guards.current(), path.order_id)
        return Response(f'{{"messages":{text}}}', content_type="application/json")

    @routes.post(
        "/api/orders/<int:order_id>/messages",
        summary="Say something to the other side",
        **documented(Message, status=201),
    )
    @typed
    @keyed
    def say(path: OrderPath, body: NewMessage) -> Response:
        principal = guards.current()
        parties = parties_of(principal, path.order_id)
        message = messages.say(engine, topic, principal, path.order_id, parties, body.body)
        return Response(message, status=201, content_type="application/json")

    return routes
