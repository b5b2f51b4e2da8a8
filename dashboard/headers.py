"""What a browser is told about our pages: where their parts may come from, and that they are not to be kept."""

from __future__ import annotations

from flask import Response

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: the CSRF check asks for the referrer over HTTPS.
    "Referrer-Policy": "same-origin",
    # A page from the cache would be older than its cursor says, or somebody else's.
    "Cache-Control": "no-store",
}


def secure(response: Response) -> Response:
    """Give every HTML answer these headers, unless it brings its own."""
    if response.mimetype == "text/html":
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
    return response
