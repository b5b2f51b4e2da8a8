"""The client's address behind proxies: each appends the one it sees to X-Forwarded-For.

Sign-in attempts are throttled by address: behind a proxy that is not configured, a hundred wrong attempts of a stranger
would lock everybody out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def trusting(app: WSGIApplication, count: int) -> WSGIApplication:
    """The application, trusting this many proxies; none if 0, since anybody can write the header."""
    return ProxyFix(app, x_for=count, x_proto=0, x_host=0, x_port=0, x_prefix=0) if count else app


def client_address(peer: str, forwarded_for: str, count: int) -> str:
    """The same address for a plain request, from the connection's peer and the header."""
    named = [one.strip() for one in forwarded_for.split(",") if one.strip()]
    return named[-count] if count and len(named) >= count else peer
