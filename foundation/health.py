"""Liveness and readiness of this process, for load balancers and people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import gevent
from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from foundation import strict_reading
from foundation.contract import Answer, example
from foundation.documentation import documented
from foundation.errors import RETRY_AFTER_SECONDS, AppError

CHECK_SECONDS = 1.0
"""A slower check has failed: the caller needs an answer now."""

TAG = {"name": "Health", "description": "For load balancers and monitoring, without a credential."}

Check = Callable[[], str | None]
"""Returns what is wrong, or None."""


class Health(Answer):
    """The check passed."""

    model_config = example(status="ok")

    status: Literal["ok"]


class FailedChecks(Answer):
    """Members of a problem about readiness."""

    checks: dict[str, str] = Field(description="Each check that fails, and what is wrong.")


class NotReady(AppError):
    """A readiness check fails: send no requests to this process now. `checks` says what is wrong."""

    code, status = "not_ready", 503
    sentence = "stopping: the process is shutting down"
    extension = FailedChecks
    example: ClassVar[Mapping[str, Any]] = {"checks": {"stopping": "the process is shutting down"}}

    def __init__(self, wrong: Mapping[str, str]) -> None:
        detail = "; ".join(f"{name}: {reason}" for name, reason in wrong.items())
        super().__init__(detail, {"checks": wrong}, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def blueprint(checks: Mapping[str, Check]) -> APIBlueprint:
    """`/livez` responds as long as the loop runs; `/readyz` returns 503 with the reason while a check fails."""
    routes = APIBlueprint("health", __name__, abp_tags=[TAG])

    @routes.get("/livez", summary="Check liveness", **documented(Health))
    def get_liveness() -> Response:
        """200 as long as the process works at all."""
        strict_reading.refuse_input()
        return jsonify(status="ok")

    @routes.get("/readyz", summary="Check readiness", **documented(Health, NotReady))
    def get_readiness() -> Response:
        """200 if the process can serve requests now; otherwise 503, and `checks` says why."""
        strict_reading.refuse_input()
        wrong = {name: reason for name, check in checks.items() if (reason := _run(check))}
        if wrong:
            raise NotReady(wrong)
        return jsonify(status="ok")

    return routes


def _run(check: Check) -> str | None:
    try:
        with gevent.Timeout(CHECK_SECONDS):
            return check()
    except gevent.Timeout:
        return f"no answer within {CHECK_SECONDS:.0f} s"
    except Exception as error:
        return type(error).__name__
