"""Jobs of operators over HTTP: started, watched, stopped."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import keyed
from foundation.contract import typed
from foundation.documentation import documented
from foundation.errors import NotFound
from operations import jobs
from operations.job_schemas import JobPath, OperatorJob, OperatorJobList, StartJobRequest
from operations.qualifiers import Qualifiers
from operations.routes import TAG, in_json


def job_blueprint(qualifiers: Qualifiers) -> APIBlueprint:
    """The routes of jobs."""
    routes = APIBlueprint("jobs", __name__, abp_tags=[TAG])
    guards.protect(routes, "operator", "auditor", area="ops")

    @routes.get("/api/ops/jobs", summary="List jobs", **documented(OperatorJobList))
    @typed
    def list_jobs() -> Response:
        """For operators and auditors: the newest 20, with how far each came and what became of its side effects."""
        return in_json({"jobs": jobs.jobs()})

    @routes.get("/api/ops/jobs/<int:job_id>", summary="Get a job", **documented(OperatorJob, NotFound))
    @typed
    def get_job(path: JobPath) -> Response:
        """For operators and auditors."""
        return in_json(jobs.job(path.job_id))

    @routes.post("/api/ops/jobs", summary="Redeliver or discard dead letters as a job", **documented(OperatorJob))
    @typed
    @keyed
    def start_job(body: StartJobRequest) -> Response:
        """For operators. However many match, they are done in the background, at the pace of `per_second`."""
        body.check()
        chosen = body.selection(qualifiers.read(body.q or ""))
        id = jobs.start_job(guards.actor(), body.action, chosen, body.reason, body.per_second)
        return in_json(jobs.job(id))

    @routes.post("/api/ops/jobs/<int:job_id>/stop", summary="Stop a job", **documented(OperatorJob, NotFound))
    @typed
    @keyed
    def stop_job(path: JobPath) -> Response:
        """For operators. What it has redelivered or discarded stays so; a job that has ended stays as it is."""
        jobs.stop_job(guards.actor(), path.job_id)
        return in_json(jobs.job(path.job_id))

    return routes
