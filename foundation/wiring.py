"""What every application has, whatever it serves: logs, limits, the database, languages, problems, CORS."""

from __future__ import annotations

from flask import Flask

from foundation import connections, cors, db, error_handlers, languages, logs
from foundation.contract import BODY_BYTES
from foundation.settings import Settings

FORM_PARTS = 50
"""No form of ours has a dozen fields; a thousand small ones took 85 ms to read."""


def build(app: Flask, settings: Settings) -> None:
    """Set up all of that for the application."""
    logs.configure(settings.log_level)
    app.url_map.merge_slashes = False  # or `//api/orders` would be answered with a redirect, even for a PATCH
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    app.config["MAX_FORM_PARTS"] = FORM_PARTS
    connections.OURS[connections.SELLERS_SEE_CONTACT] = "1" if settings.sellers_see_contact else "0"
    db.init_app(app, settings)
    languages.init_app(app, settings.default_language)
    error_handlers.init_app(app)
    cors.init_app(app, settings.cors_origins)
