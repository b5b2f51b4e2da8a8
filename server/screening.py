"""Requests that are refused before any route sees them: no host or two, an ambiguous path, endless or repeated headers,
an encoded body.

Whatever reads them afterwards (routing, caches, a browser's rules) can then rely on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from foundation.errors import AppError, HeadersTooLarge, MalformedRequest, NotFound, UnsupportedMediaType
from foundation.hosts import KnowsHost, is_host
from server.repeated_fields import REPEATED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RAISED = "onward.raised"
"""In the environment: an error that Flask raises before anything else."""

FIELD_CHARACTERS = 8190
"""Per field, which a client may send in many pieces that are joined: 64 of these made half a megabyte of `Accept`,
which took a second to parse."""

ALIAS = re.compile(r"//|(?![0-9])\d|/0[0-9]+(?:/|$)")
"""In a path: empty segments, non-ASCII digits, numbers with leading zeros. Each resource has one URL."""

ENCODED_SLASH = re.compile(r"%(?:2[fF]|5[cC])")
"""A slash that some proxies decode, and some do not."""


class Screen:
    """Wraps an application that finds the error of a request in the environment."""

    def __init__(self, app: WSGIApplication, knows_host: KnowsHost) -> None:
        self._app = app
        self._knows_host = knows_host

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if error := refusal(environ, self._knows_host):
            environ[RAISED] = error
        return self._app(environ, start_response)


def refusal(environ: WSGIEnvironment, knows_host: KnowsHost) -> AppError | None:
    """The error of the request, if any; overlong fields are emptied, since the response reads some of them."""
    long = [name for name, value in environ.items() if name[:5] in ("HTTP_", "CONTE") and len(value) > FIELD_CHARACTERS]
    for name in long:
        environ[name] = ""
    if long:
        return HeadersTooLarge()
    if REPEATED in environ:
        return MalformedRequest(f"The header {environ[REPEATED]} must not be repeated.")
    if error := _of_content(environ):
        return error
    host, raw = environ.get("HTTP_HOST", ""), environ.get("RAW_URI", "")
    if host and not knows_host(host):
        return MalformedRequest(f"The Host header is not {'one of this service' if is_host(host) else 'a valid host'}.")
    if not host and environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        return MalformedRequest("An HTTP/1.1 request must have a Host header.")
    if not raw.startswith("/") and "://" in raw[:9] and urlsplit(raw).netloc.lower() != host.lower():
        return MalformedRequest("The request target and the Host header name different hosts.")
    if ALIAS.search(_read(environ["PATH_INFO"])) or ENCODED_SLASH.search(raw.partition("?")[0]):
        return NotFound("No such resource.")
    return None


def _of_content(environ: WSGIEnvironment) -> AppError | None:
    """A body that is not the whole content as it is. Whatever read it would take its bytes for something else."""
    coding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if coding not in ("", "identity"):
        # RFC 9110, section 12.5.3: the response says which codings would be accepted.
        return UnsupportedMediaType("The body must not be encoded.", headers={"Accept-Encoding": "identity"})
    if "HTTP_CONTENT_RANGE" in environ:
        return MalformedRequest("A body with Content-Range, a part of the content, is not supported.")
    return None


def _read(path: str) -> str:
    """WSGI decodes a path's bytes as Latin-1; bytes that are not UTF-8 contain no digits."""
    return path if path.isascii() else path.encode("latin-1").decode(errors="replace")
