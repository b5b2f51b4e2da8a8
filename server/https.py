"""Tells browsers to keep to HTTPS (HSTS, RFC 6797), where that is how people reach the service.

The connection that we see is a proxy's, so PUBLIC_URL says it. Who comes past the proxy over plain HTTP is told too,
and ignores it (section 8.1).
"""

from __future__ import annotations

from flask import Flask, Response

from foundation.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Give every answer of Flask's the header; none where people come over HTTP, or nobody is to be told."""
    if not settings.https or not settings.hsts_seconds:
        return
    # This host only: what else there is in the domain is not ours.
    value = f"max-age={settings.hsts_seconds}"

    @app.after_request
    def tell(response: Response) -> Response:
        response.headers["Strict-Transport-Security"] = value
        return response
