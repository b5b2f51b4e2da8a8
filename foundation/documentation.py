"""How a route documents itself: what only the route knows is passed to its decorator, by `documented`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundation.contract import Answer
from foundation.errors import AppError

SCHEMAS = "#/components/schemas/"
"""Where a reference to a schema leads."""

REQUEST_ID = "7f3c2a9d51e84b06"

HEADERS: dict[str, tuple[str, str]] = {
    "X-Request-ID": ("The request's id in the logs: your own, if you sent a valid one.", REQUEST_ID),
    "Retry-After": ("Seconds after which to try again.", "1"),
    "RateLimit-Policy": ("If a rate limit is set: `q` requests in `w` seconds (IETF draft).", '"writes";q=100;w=1'),
    "RateLimit": ("If a rate limit is set: `r` requests remain for `t` seconds.", '"writes";r=57;t=1'),
    "WWW-Authenticate": ("How to authenticate.", 'Bearer realm="onward"'),
    "Allow": ("The supported methods.", "GET, HEAD, OPTIONS"),
    "ETag": ("The version of the representation; send it in If-Match or If-None-Match.", '"3"'),
    "Content-Language": ("The language of the texts.", "de"),
    "Link": ("The next page, if there is one (RFC 8288).", '</api/orders?cursor=n.17>; rel="next"'),
    "Preference-Applied": ("The preference that was honoured.", "wait=5"),
    "Onward-Cursor": (
        "The position of the live events before this read: a stream from here misses nothing of it.",
        "1764.17",
    ),
    "Onward-Effects": ("`done` if all effects were done within the wait, otherwise `pending`.", "done"),
}
"""Response headers by name: description and example."""


def header_references(names: tuple[str, ...]) -> dict[str, Any]:
    """The headers of a response, as references to the document's components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def documented(
    answer: type[Answer] | Mapping[str, Any] | None,
    *problems: type[AppError],
    status: int = 200,
    headers: tuple[str, ...] = (),
    shown: Mapping[str, Any] | None = None,
    body: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The arguments of a route's decorator: the response model, the errors that only this route has, further headers.

    Instead of a model, None means an empty response; a media type with its example is for one that has no model.
    `shown` are members in which the route's example differs from the model's. `body` is the media type of a body
    without a model, with its example.
    """
    if isinstance(answer, Mapping):
        answers: dict[int, Any] = {status: {"content": _content(answer)}}
    else:
        answers = {status: answer}
    more = {
        "x-problems": [one.code for one in problems],
        "x-headers": list(headers),
        "x-shown": dict(shown or {}),
    }
    arguments: dict[str, Any] = {"responses": answers, "openapi_extensions": more}
    if body:
        arguments["request_body"] = {"required": True, "content": _content(body)}
    return arguments


def _content(media: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"schema": _schema(text), "example": text} for name, text in media.items()}


def _schema(text: Any) -> dict[str, str]:
    return {"type": "string" if isinstance(text, str) else "object"}
