"""The routes of this package, and its jobs and rollups, of which there is one set per process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from flask import Flask
from flask_openapi.blueprint import APIBlueprint

from foundation.pruning import Prune
from foundation.settings import Settings
from operations import actions, jobs, listing, metrics, people_routes, rollups
from operations import models as models  # its tables, for the metadata
from operations.job_routes import job_blueprint
from operations.job_runner import JobRunner
from operations.overview_routes import Find, overview_blueprint
from operations.qualifiers import Qualifiers
from operations.rollups import Rollups
from operations.routes import blueprint
from outbox.engine import Engine
from realtime.hub import Hub


@dataclass(frozen=True)
class Operations:
    """What operators have in a process."""

    qualifiers: Qualifiers
    runner: JobRunner
    rollups: Rollups
    prune: Mapping[str, Prune]
    """What is deleted in time, by name."""

    routes: tuple[APIBlueprint, ...]


def build(app: Flask, settings: Settings, engine: Engine, hub: Hub, find: Find) -> Operations:
    """`find` returns what is not well now."""
    qualifiers = Qualifiers(listing.orders_named)
    routes = (
        blueprint(engine, qualifiers),
        job_blueprint(qualifiers),
        overview_blueprint(find),
        people_routes.routes,
        people_routes.shops,
        metrics.routes,
    )
    prune: dict[str, Prune] = {
        "circuit changes": actions.prune_changes,
        "operators' jobs": jobs.prune_jobs,
        "metrics of minutes": partial(rollups.prune_minutes, settings.retention_hours),
    }
    return Operations(qualifiers, JobRunner(app), Rollups(app, hub), prune, routes)
