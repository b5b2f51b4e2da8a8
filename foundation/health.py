"""Is this process alive, and is it ready? For load balancers and for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import gevent
from flask import Blueprint, Response, jsonify

from foundation.errors import problem

CHECK_SECONDS = 1.0
"""A check that takes longer has failed: whoever asks wants to know now."""

Check = Callable[[], str | None]
"""Returns what is wrong, or None."""


def blueprint(checks: Mapping[str, Check]) -> Blueprint:
    """`/livez` answers as long as the loop turns; `/readyz` says 503 with the reason while a check fails."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    def live() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    def ready() -> Response:
        wrong = {name: reason for name, check in checks.items() if (reason := _run(check))}
        if wrong:
            detail = "; ".join(f"{name}: {reason}" for name, reason in wrong.items())
            return problem(503, "not_ready", detail, {"checks": wrong})
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
