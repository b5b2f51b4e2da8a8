"""The conversation of an order over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.principal import Principal
from chat import messages
from foundation.contract import Body, OrderPath, typed
from side_effects.effects import Topic
from side_effects.engine import Engine

MESSAGE_CHARACTERS = 4000


class NewMessage(Body):
    """What somebody says."""

    body: Annotated[str, pydantic.StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_CHARACTERS)]


def blueprint(engine: Engine, topic: Topic, parties_of: Callable[[Principal, int], messages.Parties]) -> APIBlueprint:
    """The chat's routes; who may take part in an order's conversation is told from above."""
    routes = APIBlueprint("chat", __name__, abp_tags=[{"name": "Messages"}])
    guards.protect(routes)

    @routes.get("/api/orders/<int:order_id>/messages", summary="Read an order's conversation")
    @typed
    def read_conversation(path: OrderPath) -> Response:
        parties_of(guards.current(), path.order_id)
        text = messages.conversation(guards.current(), path.order_id)
        return Response(f'{{"messages":{text}}}', content_type="application/json")

    @routes.post("/api/orders/<int:order_id>/messages", summary="Say something to the other side")
    @typed
    def say(path: OrderPath, body: NewMessage) -> Response:
        principal = guards.current()
        parties = parties_of(principal, path.order_id)
        message = messages.say(engine, topic, principal, path.order_id, parties, body.body)
        return Response(message, status=201, content_type="application/json")

    return routes
