"""How the service is, now and over time, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from foundation.contract import typed
from foundation.documentation import documented
from foundation.languages import gettext
from notifications.causes import NotWell
from operations import actions, overview
from operations.overview import Rolled
from operations.overview_schemas import MetricHistory, MetricsQuery, ServiceHealth, StreamFigures
from operations.routes import TAG, in_json

Find = Callable[[], list[NotWell]]


def overview_blueprint(find: Find) -> APIBlueprint:
    """The routes of the overview; `find` returns what is not well."""
    routes = APIBlueprint("overview", __name__, abp_tags=[TAG])
    guards.protect(routes, "operator", "auditor", area="ops")

    @routes.get("/api/ops/health", summary="Say whether all is well", **documented(ServiceHealth))
    @typed
    def get_service_health() -> Response:
        """For operators and auditors: by the rules of the alerts, what is not well, for whom and since when."""
        return in_json(service_health(find))

    @routes.get("/api/ops/metrics", summary="Get metrics over time", **documented(MetricHistory))
    @typed
    def get_metric_history(query: MetricsQuery) -> Response:
        """For operators and auditors: rates, durations, what waits and its age, streams; of all processes together."""
        rolled = Rolled(query.minutes)
        lines, kinds = ([asdict(one) for one in rows] for rows in (overview.lines(rolled), overview.kinds(rolled)))
        return in_json({"since": rolled.since, "step_seconds": rolled.step, "lines": lines, "kinds": kinds})

    @routes.get("/api/ops/streams", summary="Get the number of streams", **documented(StreamFigures))
    @typed
    def get_stream_counts() -> Response:
        """For operators and auditors: the open streams of all processes, and what became of others in the last hour."""
        return in_json(asdict(overview.streams(Rolled(60))))

    return routes


def service_health(find: Find) -> dict[str, Any]:
    """What is not well now, in the reader's language, and what is paused."""
    causes = [
        {
            "rule": one.cause.name,
            "subject": one.subject,
            "seller_id": one.seller_id,
            "since": one.since,
            "reason": one.reason,
            "message": gettext(one.cause.sentence, subject=one.subject, reason=one.reason),
        }
        for one in find()
    ]
    paused = [
        {"destination": one["destination"], "since": one["at"], "waiting": one["waiting"]}
        for one in actions.circuits(only_paused=True)
    ]
    return {"well": not causes, "causes": causes, "paused": paused}
