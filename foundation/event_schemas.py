"""The schemas of live events: one for each type, and what the stream and the log of events consist of.

Packages declare the events that they write as `Event`s. A stream has all of them; its readers ignore a type that they
do not know. The log has those that were stored, and a last schema that any event meets, since clients that check what
they receive, as the generated Python client does, would raise for a type that was added later.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, get_args

import pydantic

from foundation.contract import Answer
from foundation.documentation import SCHEMAS

SIGNED = (
    ("webhook-id", "The event's id: a receiver that has seen it accepts it and does nothing."),
    ("webhook-timestamp", "When this attempt was made, in Unix seconds: one that is minutes old is a replay."),
    ("webhook-signature", "`v1,` and a base64 HMAC-SHA256; several, with spaces between, while a secret is replaced."),
)
"""The headers of a delivery."""

STREAM, ENTRY, OTHER = "StreamEvent", "LiveEvent", "OtherEvent"


class Event(Answer):
    """Base of live events: what a frame of the stream has in `data`."""

    stored: ClassVar[bool] = True
    """Whether it is in the log, and not only in streams."""

    delivered: ClassVar[bool] = False
    """Whether it is delivered to webhooks too."""

    at: datetime


class WebhookDelivery(Answer):
    """What a delivery to a webhook has beside the event."""

    id: Annotated[str, pydantic.Field(description="The event's id, as in `webhook-id`: the same for every attempt.")]
    version: Annotated[int, pydantic.Field(description="The order's version that the event made; 1 for a message.")]
    traceparent: Annotated[str, pydantic.Field(description="The trace of the request that caused it (W3C).")]


class OnlyId(Answer):
    """What a thin delivery says of something: read the rest from the API."""

    id: int


class ThinDelivery(WebhookDelivery):
    """A thin delivery: the event's type and ids, and nothing of what it is about."""

    type: str
    at: datetime
    order: OnlyId | None = None
    event: OnlyId | None = None
    message: OnlyId | None = None


class OtherEvent(Answer):
    """An event of a type that was added later: ignore it."""

    at: datetime
    type: str


def models() -> list[type[pydantic.BaseModel]]:
    """The models of all events."""
    return [*_declared(Event), OtherEvent, WebhookDelivery, ThinDelivery, OnlyId]


def delivered() -> list[type[Event]]:
    """The models of those that are delivered to webhooks."""
    return [model for model in _declared(Event) if model.delivered]


def type_of(model: type[pydantic.BaseModel]) -> str:
    """The type of the event, as the stream names it."""
    (name,) = get_args(model.model_fields["type"].annotation)
    return str(name)


def complete_events(schemas: dict[str, Any]) -> None:
    """Add the schema of the stream, and say what an entry of the log contains."""
    types = {type_of(model): SCHEMAS + model.__name__ for model in _declared(Event)}
    schemas[STREAM] = {
        "description": "The `data` of an event of the stream; more types may be added, which clients ignore.",
        "oneOf": [{"$ref": reference} for reference in types.values()],
        "discriminator": {"propertyName": "type", "mapping": types},
    }
    stored = [model for model in _declared(Event) if model.stored]
    members = schemas[ENTRY]["properties"]
    members["type"]["x-extensible-enum"] = [type_of(model) for model in stored]
    members["data"] = {
        "description": "What the stream has in `data`.",
        "anyOf": [{"$ref": SCHEMAS + name} for name in (*(one.__name__ for one in stored), OtherEvent.__name__)],
    }


def deliveries() -> dict[str, Any]:
    """The `webhooks` of the contract: the requests that endpoints get, by the type of the event."""
    return {type_of(model): {"post": _delivery(model)} for model in delivered()}


def _delivery(model: type[Event]) -> dict[str, Any]:
    whole = {"allOf": [{"$ref": SCHEMAS + WebhookDelivery.__name__}, {"$ref": SCHEMAS + model.__name__}]}
    schema = {"anyOf": [whole, {"$ref": SCHEMAS + ThinDelivery.__name__}]}
    return {
        "operationId": "on" + model.__name__.removesuffix("Event"),
        "summary": str(model.__doc__).partition("\n")[0],
        "description": "Signed as in Standard Webhooks. Any 2xx accepts it, 410 disables the endpoint, everything else "
        "is tried again, for about three days.",
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": meaning}
            for name, meaning in SIGNED
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"2XX": {"description": "It was accepted."}},
        "tags": ["Webhooks"],
    }


def _declared(model: type[Event]) -> Iterator[type[Event]]:
    for child in sorted(model.__subclasses__(), key=lambda one: one.__name__):
        yield child
        yield from _declared(child)
