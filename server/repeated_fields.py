"""Header fields that are sent once or not at all (RFC 9110, section 5.3); the server notes the first that is repeated.

WSGI has one value for each field and joins repeated ones: two idempotency keys were a third.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gunicorn.http import wsgi

REPEATED = "onward.repeated"
"""In the environment: the name of such a field."""

SINGLE = frozenset(
    (
        *("ACCESS-CONTROL-REQUEST-METHOD", "ORIGIN", "SEC-FETCH-SITE"),
        *("AUTHORIZATION", "COOKIE", "X-CSRF-TOKEN", "X-CSRFTOKEN"),
        *("CONTENT-RANGE", "IDEMPOTENCY-KEY", "LAST-EVENT-ID", "X-REQUEST-ID"),
    )
)
"""Those that are read here. The others are lists, Host is refused as no host, and type and length of a body
are the parser's."""


def first_repeated(fields: Iterable[tuple[str, str]]) -> str:
    """The name of the first of them that is there twice; empty if there is none."""
    seen: set[str] = set()
    for name, _ in fields:
        if name in SINGLE:
            if name in seen:
                return name.title()
            seen.add(name)
    return ""


def install() -> None:
    """Make gunicorn note it in this process."""
    original = wsgi.default_environ
    if original.__module__ != wsgi.__name__:
        return  # it does already

    def default_environ(req: Any, sock: Any, cfg: Any) -> dict[str, Any]:
        environ: dict[str, Any] = original(req, sock, cfg)
        if name := first_repeated(req.headers):
            environ[REPEATED] = name
        return environ

    wsgi.default_environ = default_environ
