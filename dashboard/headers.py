"""Headers of the HTML pages: where their resources may come from, and that they must not be cached."""

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
    # A cached page could be older than its cursor says, or another person's.
    "Cache-Control": "no-store",
}


def secure(response: Response) -> Response:
    """Add these headers to every HTML response, unless it sets its own."""
    if response.mimetype == "text/html":
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
    return response
