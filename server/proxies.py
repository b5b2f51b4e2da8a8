"""Whose address a request comes from, where proxies stand in front: each adds the one it sees to X-Forwarded-For.

Signing in is throttled by the address: behind a proxy that is not told of, a hundred wrong tries of a stranger would
keep everybody out.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def init_app(app: Flask, count: int) -> None:
    """Believe this many proxies; none where it is 0, since anybody can write the header."""
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=0, x_host=0, x_port=0, x_prefix=0)  # type: ignore[method-assign]
