"""Makes browsers use HTTPS only (HSTS, RFC 6797), if people reach the service over HTTPS.

The connection seen here is the proxy's, so PUBLIC_URL decides. A client that bypasses the proxy over plain HTTP gets
the header too, and ignores it (section 8.1).
"""

from __future__ import annotations

from flask import Flask, Response

from foundation.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Add the header to every Flask response; none if people use HTTP, or if it is switched off."""
    if not settings.https or not settings.hsts_seconds:
        return
    # This host only: other hosts of the domain are not ours.
    value = f"max-age={settings.hsts_seconds}"

    @app.after_request
    def add_header(response: Response) -> Response:
        response.headers["Strict-Transport-Security"] = value
        return response
