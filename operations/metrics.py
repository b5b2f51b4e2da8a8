"""`GET /metrics` in Prometheus' format: counters of all workers, and a few facts that an index's first row tells."""

from __future__ import annotations

import os

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import text

from foundation.db import db
from foundation.documentation import documented

routes = APIBlueprint("metrics", __name__, abp_tags=[{"name": "Health"}])

DEAD_COUNTED = 10_000
"""Dead letters are counted up to here; nobody acts differently on more."""

OLDEST_ENTRY = "SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox ORDER BY id LIMIT 1"
OLDEST_DUE = """SELECT k.kind, (SELECT greatest(0, extract(epoch FROM clock_timestamp() - s.scheduled_at))
        FROM side_effects s WHERE s.kind = k.kind AND s.status = 'pending' ORDER BY s.scheduled_at LIMIT 1)
    FROM unnest(CAST(:kinds AS text[])) AS k (kind)"""
DEAD = f"""SELECT kind, count(*) FROM (
    SELECT kind FROM side_effects WHERE status = 'dead' LIMIT {DEAD_COUNTED}) AS dead GROUP BY kind"""
CIRCUITS = """SELECT destination, CASE WHEN paused THEN 'paused' ELSE state END FROM circuits
    WHERE state <> 'closed' OR paused"""


SHOWN = '# TYPE onward_oldest_seconds gauge\nonward_oldest_seconds{kind="outbox"} 0.0\n'


@routes.get("/metrics", summary="Read the metrics that Prometheus collects", **documented({"text/plain": SHOWN}))
def metrics() -> Response:
    facts = CollectorRegistry()
    _tell_facts(facts)
    return Response(generate_latest(_counters()) + generate_latest(facts), content_type=CONTENT_TYPE_LATEST)


def _counters() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _tell_facts(registry: CollectorRegistry) -> None:
    oldest = Gauge("onward_oldest_seconds", "Age of the oldest thing pending.", ("kind",), registry=registry)
    oldest.labels("outbox").set(float(db.session.execute(text(OLDEST_ENTRY)).scalar() or 0))
    dead = Gauge("onward_dead_letters_kept", "Dead letters, counted up to 10,000.", ("kind",), registry=registry)
    for kind, count in db.session.execute(text(DEAD)):
        dead.labels(kind).set(count)
    labels = ("destination", "state")
    state = Gauge("onward_circuit_not_closed", "1 for a destination in trouble.", labels, registry=registry)
    for destination, name in db.session.execute(text(CIRCUITS)):
        state.labels(destination, name).set(1)
    kinds = [kind for (kind,) in db.session.execute(text(KINDS))]
    for kind, age in db.session.execute(text(OLDEST_DUE), {"kinds": kinds}):
        oldest.labels(kind).set(float(age or 0))


KINDS = """WITH RECURSIVE kinds AS (
        (SELECT kind FROM side_effects WHERE status = 'pending' ORDER BY kind LIMIT 1)
        UNION ALL SELECT (SELECT s.kind FROM side_effects s WHERE s.status = 'pending' AND s.kind > kinds.kind
            ORDER BY s.kind LIMIT 1) FROM kinds WHERE kinds.kind IS NOT NULL)
    SELECT kind FROM kinds WHERE kind IS NOT NULL"""
"""The kinds that wait for something, by hopping along the index."""
