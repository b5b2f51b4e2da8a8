"""The parts of this package, joined: one set of them lives in each process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask_openapi.blueprint import APIBlueprint

from access.principal import Principal
from chat import messages
from chat import models as models  # its tables, for whoever asks for the metadata
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
    """`parties` says whose conversation an order's is, and raises for who may not see it."""
    event_type = engine.event_types[messages.EVENT_TYPE]
    say = partial(messages.say, engine, event_type)
    return Chat(say, (blueprint(engine, event_type, parties),))
