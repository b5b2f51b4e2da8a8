"""`GET /metrics` in Prometheus' format: counters of all workers, and a few gauges that the first row of an index
provides."""

from __future__ import annotations

import os
from collections.abc import Iterator

from flask import Response, current_app
from flask_openapi.blueprint import APIBlueprint
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from foundation import clock, metric_files, sql, strict_reading
from foundation.db import db
from foundation.documentation import documented
from foundation.health import TAG

routes = APIBlueprint("metrics", __name__, abp_tags=[TAG])

DEAD_COUNTED = 10_000
"""Dead letters are counted up to this limit; a higher number would change nothing."""

SQL = sql.beside(__file__, dead_counted=DEAD_COUNTED)
OLDEST_ENTRY = SQL.text("oldest_entry")
OLDEST_DUE = SQL.text("oldest_due")
DEAD = SQL.text("dead")
CIRCUIT_STATES = SQL.text("circuits")
KINDS = SQL.text("kinds")

SHOWN = '# TYPE onward_oldest_seconds gauge\nonward_oldest_seconds{kind="outbox"} 0.0\n'


@routes.get("/metrics", summary="Get metrics for Prometheus", **documented({"text/plain": SHOWN}))
def get_metrics() -> Response:
    """Counters of all processes of this machine, and the age of the oldest pending work."""
    strict_reading.refuse_input()
    metric_files.flush()  # exact for this process, and at most a second old for the others
    facts = CollectorRegistry()
    facts.register(Facts())
    return Response(generate_latest(_counters()) + generate_latest(facts), content_type=CONTENT_TYPE_LATEST)


def _counters() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


class Facts(Collector):
    """Read from the database at each request, the same from every process: nothing of it is to be added up."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        oldest = GaugeMetricFamily("onward_oldest_seconds", "Age of the oldest thing pending.", labels=["kind"])
        oldest.add_metric(["outbox"], float(db.session.execute(OLDEST_ENTRY).scalar() or 0))
        dead = GaugeMetricFamily("onward_dead_letters_kept", "Dead letters, counted up to 10,000.", labels=["kind"])
        for kind, count in db.session.execute(DEAD):
            dead.add_metric([kind], count)
        state = GaugeMetricFamily(
            "onward_circuit_not_closed", "1 if a destination's circuit is not closed.", labels=["destination", "state"]
        )
        for destination, name in db.session.execute(CIRCUIT_STATES):
            state.add_metric([destination, name], 1)
        kinds = [kind for (kind,) in db.session.execute(KINDS)]
        for kind, age in db.session.execute(OLDEST_DUE, {"kinds": kinds}):
            oldest.add_metric([kind], float(age or 0))
        yield from (oldest, dead, state, _not_well())


def _not_well() -> GaugeMetricFamily:
    """One for each cause of which operators are alerted: deploy/prometheus/alerts.yml needs no other rule."""
    since = GaugeMetricFamily(
        "onward_not_well_seconds", "For how long something is not well, by rule.", labels=["rule", "subject", "seller"]
    )
    seconds: dict[tuple[str, str, str], float] = {}
    for one in current_app.extensions["onward"].alerts.find():
        labels = (one.cause.name, one.subject, str(one.seller_id or ""))
        age = max(0.0, (clock.now() - one.since).total_seconds())
        seconds[labels] = max(age, seconds.get(labels, 0.0))
    for labels, age in seconds.items():
        since.add_metric(labels, age)
    return since
