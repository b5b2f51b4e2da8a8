"""Joins the parts of this package; there is one set per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask_openapi.blueprint import APIBlueprint

from access.principal import Principal
from chat import marks, messages
from chat import models as models  # its tables, for the metadata
from chat.messages import Parties
from chat.routes import Say, See, blueprint
from outbox.engine import Engine


@dataclass(frozen=True)
class Chat:
    """The conversations of orders."""

    say: Say
    see: See
    routes: tuple[APIBlueprint, ...]


def build(engine: Engine, parties: Callable[[Principal, int], Parties]) -> Chat:
    """`parties` returns the two sides of an order's conversation, and raises if the principal may not see it."""
    say, see = partial(messages.say, engine), partial(marks.see, engine)
    return Chat(say, see, (blueprint(say, see, parties),))
