"""What is chosen for one browser and not for one person: the theme, shortcuts, desktop notices; each in a cookie.

The server reads them, so that a page is drawn right the first time, without scripts too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flask import current_app, request
from werkzeug.wrappers import Response

CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"theme": ("", "light", "dark"), "shortcuts": ("on", "off"), "notices": ("off", "on")}
)
"""By name; the first one is what holds without a choice."""

COOKIE = "onward_{name}"
SECONDS = 365 * 86_400


def chosen(name: str) -> str:
    """The choice of this browser; what a cookie says that is no choice counts for nothing."""
    given = request.cookies.get(COOKIE.format(name=name), "")
    return given if given in CHOICES[name] else CHOICES[name][0]


def choose(response: Response, name: str, value: str) -> None:
    """Keep a choice for a year; the usual one needs no cookie."""
    cookie = COOKIE.format(name=name)
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    if value == CHOICES[name][0]:
        response.delete_cookie(cookie, secure=secure, httponly=True, samesite="Lax")
    else:
        response.set_cookie(cookie, value, max_age=SECONDS, secure=secure, httponly=True, samesite="Lax")
