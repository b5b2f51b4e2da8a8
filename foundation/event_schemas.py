"""The schemas of live events: one for each type, and what the stream and the log of events consist of.

Packages declare the events that they write as `Event`s. A stream has all of them; its readers ignore a type that they
do not know. The log has those that were stored, and a last schema that any event meets, since clients that check what
they receive, as the generated Python client does, would raise for a type that was added later.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, get_args

import pydantic

from foundation.contract import Answer
from foundation.documentation import SCHEMAS

STREAM, ENTRY, OTHER = "StreamEvent", "LiveEvent", "OtherEvent"


class Event(Answer):
    """Base of live events: what a frame of the stream has in `data`."""

    stored: ClassVar[bool] = True
    """Whether it is in the log, and not only in streams."""

    at: datetime


class OtherEvent(Answer):
    """An event of a type that was added later: ignore it."""

    at: datetime
    type: str


def models() -> list[type[pydantic.BaseModel]]:
    """The models of all events."""
    return [*_declared(Event), OtherEvent]


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


def _declared(model: type[Event]) -> Iterator[type[Event]]:
    for child in sorted(model.__subclasses__(), key=lambda one: one.__name__):
        yield child
        yield from _declared(child)
