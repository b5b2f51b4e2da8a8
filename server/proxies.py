"""The client's address behind proxies: each appends the one it sees to X-Forwarded-For.

Sign-in attempts are throttled by address: behind a proxy that is not configured, a hundred wrong attempts of a stranger
would lock everybody out.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def init_app(app: Flask, count: int) -> None:
    """Trust this many proxies; none if 0, since anybody can write the header."""
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=0, x_host=0, x_port=0, x_prefix=0)  # type: ignore[method-assign]
