"""The routes of this package, which are all that it has in a process."""

from __future__ import annotations

from flask_openapi.blueprint import APIBlueprint

from operations import metrics, people_routes
from operations.routes import blueprint
from outbox.engine import Engine


def build(engine: Engine) -> tuple[APIBlueprint, ...]:
    return blueprint(engine), people_routes.routes, people_routes.shops, metrics.routes
