"""The header fields of every response, whoever has read the request: Flask's and the plain ones are given them here.

Browsers are to use HTTPS only (HSTS, RFC 6797) if people reach the service over HTTPS. The connection seen here is
the proxy's, so PUBLIC_URL decides. A client that bypasses the proxy over plain HTTP gets the field too, and ignores it
(section 8.1).
"""

from __future__ import annotations

from flask import Flask, Response

from foundation import cors, logs
from foundation.settings import Settings

REQUEST_ID = "X-Request-ID"


def always(settings: Settings) -> list[tuple[str, str]]:
    """The fields of every response that are the same for all of them."""
    fields = [("X-Content-Type-Options", "nosniff")]
    if settings.https and settings.hsts_seconds:
        # This host only: other hosts of the domain are not ours.
        fields.append(("Strict-Transport-Security", f"max-age={settings.hsts_seconds}"))
    return fields


def of_api(settings: Settings) -> list[tuple[str, str]]:
    """The same for responses of the API; Flask's get the rest from foundation/cors.py."""
    return always(settings) + cors.always(settings.cors_origins)


def init_app(app: Flask, settings: Settings) -> None:
    """Add them to what Flask responds; a field that a view has set is kept."""
    fields = always(settings)

    @app.after_request
    def add(response: Response) -> Response:
        response.headers[REQUEST_ID] = logs.request_id.get()
        for name, value in fields:
            response.headers.setdefault(name, value)
        return response
