"""Joins the parts of this package; there is one set per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask_openapi.blueprint import APIBlueprint

from access.principal import Principal
from chat import messages
from chat import models as models  # its tables, for the metadata
from chat.messages import Parties
from chat.routes import blueprint
from outbox.engine import Engine


@dataclass(frozen=True)
class Chat:
    """The conversations of orders."""

    say: Callable[[Principal, int, Parties, str], str]
    """Writes a person's message in an order's conversation."""

    routes: tuple[APIBlueprint, ...]


def build(engine: Engine, parties: Callable[[Principal, int], Parties]) -> Chat:
    """`parties` returns the two sides of an order's conversation, and raises if the principal may not see it."""
    event_type = engine.event_types[messages.EVENT_TYPE]
    say = partial(messages.say, engine, event_type)
    return Chat(say, (blueprint(engine, event_type, parties),))
