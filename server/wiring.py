"""What Flask does with each request before its view, and with each response afterwards."""

from __future__ import annotations

from flask import Flask, request

from foundation import logs
from foundation.settings import Settings
from server import compression, headers
from server.screening import RAISED


def build(app: Flask, settings: Settings) -> None:
    """Set up the application's hooks. Its wrappers are one list, in app.py."""
    compression.init_app(app)  # the last of what is done with a response: the hooks run backwards
    headers.init_app(app, settings)
    app.before_request(_begin_request)


def _begin_request() -> None:
    logs.request_id.set(logs.new_request_id(request.headers.get("X-Request-ID")))
    if RAISED in request.environ:
        raise request.environ[RAISED]
