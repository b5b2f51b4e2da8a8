"""Reads the parts of a request strictly: nothing that is unknown, repeated or unread passes in silence.

What is dropped or guessed is what the client counts on: a filter that does not filter, the second of two values, a
condition that nobody checks.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

import pydantic
from flask import request
from werkzeug.datastructures import MultiDict

from foundation.errors import MalformedRequest, NotFound, UnsupportedMediaType
from foundation.json_body import REPEATED, Model, first_errors, invalid, parse_json

JSON_TYPE = re.compile(r"application/(?:[a-z0-9.-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
CHARSET = re.compile(r";\s*charset\s*=\s*\"?(?!utf-8\"?\s*(?:;|$))", re.IGNORECASE)
"""A parameter that names another charset than UTF-8, in which JSON is exchanged (RFC 8259, section 8.1)."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

CONDITIONS = {"If-Match": "HTTP_IF_MATCH", "If-None-Match": "HTTP_IF_NONE_MATCH"}
"""A write with one of these is meant for one state only. (The conditions with dates are ignored where a resource has no
date, as RFC 9110, sections 13.1.3 and 13.1.4, demand.)"""

NEVER_EMPTY = ("If-Match", "Idempotency-Key")
"""An empty one is what is left of a variable that was not set: the request would lose its protection."""

EMPTY = "Input should not be empty"
UNCONDITIONAL = "This operation cannot be made conditional"


class Nothing(pydantic.BaseModel):
    """What an operation reads that reads no body, or no query."""

    model_config = pydantic.ConfigDict(extra="forbid")


def read_path(model: type[Model], values: dict[str, Any]) -> Model:
    """The parameters in the path; raises NotFound, since an address that cannot be is none of ours."""
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        raise NotFound from error


def read_query(model: type[Model]) -> Model:
    """The query; raises MalformedRequest for what is no text, InvalidRequest for what is unknown, repeated or wrong."""
    usual: Model | None = None if request.query_string else _usual(model)
    return usual if usual is not None else read_parameters(model, query_parameters())


def query_parameters() -> dict[str, str]:
    """The parameters of the query by name; raises MalformedRequest, and InvalidRequest for those that are repeated."""
    if not _is_utf8(request.query_string):
        raise MalformedRequest("The query must be in UTF-8.")
    given = once(request.args)
    if any("\x00" in text for text in given.values()):
        raise MalformedRequest("The query must not contain a NUL character.")
    return given


def read_parameters(model: type[Model], given: dict[str, str]) -> Model:
    """Parameters that were taken from the query, or that a form repeats; raises InvalidRequest."""
    return _validated(model, given)


def once(given: MultiDict[str, str]) -> dict[str, str]:
    """Parameters of a query, or fields of a form, by name; raises InvalidRequest for those that are repeated."""
    if len(given) < sum(map(len, given.listvalues())):
        raise invalid([{"loc": (name,), "msg": REPEATED} for name, values in given.lists() if len(values) > 1])
    return given.to_dict()


def refuse_repeated() -> None:
    """Refuse a parameter or a form's field that is repeated; for pages, whose links may carry further parameters."""
    once(request.args)
    once(request.form)


def read_headers(model: type[Model]) -> Model:
    """The headers that the model names."""
    environ = request.environ
    given = {name: environ[key] for name, key in _environ_keys(model) if key in environ}
    for name in NEVER_EMPTY:
        if name in given:
            sent(name, given[name])
    return _validated(model, given)


def sent(name: str, value: str) -> str:
    """The value of a header that was sent; raises InvalidRequest if it is empty."""
    if not value.strip():
        raise invalid([{"loc": (name,), "msg": EMPTY}])
    return value


def refuse_conditions(read: Container[str]) -> None:
    """Raises InvalidRequest for a condition on a write that reads only these headers."""
    if request.method not in SAFE_METHODS:
        for name, key in CONDITIONS.items():
            if key in request.environ and name not in read:
                raise invalid([{"loc": (name,), "msg": UNCONDITIONAL}])


def headers_of(model: type[pydantic.BaseModel]) -> list[str]:
    """The names of the headers that the model reads."""
    return [name for name, _ in _environ_keys(model)]


def read_body(model: type[Model]) -> Model:
    """The JSON body; raises UnsupportedMediaType for another type or charset.

    No content type means JSON: nothing else is accepted. A wrong one is refused, because it is what a browser sends for
    another site's form.
    """
    if not is_json(request.environ.get("CONTENT_TYPE", "")):
        raise UnsupportedMediaType
    if most_bytes := getattr(model, "most_bytes", None):
        request.max_content_length = most_bytes
    return parse_json(model, request.get_data(cache=False))


@functools.lru_cache(256)
def is_json(content_type: str) -> bool:
    """Whether a body of this type is read, as JSON in UTF-8. Other parameters mean nothing (RFC 8259, section 11)."""
    return not content_type or (JSON_TYPE.match(content_type) is not None and not CHARSET.search(content_type))


def refuse_body() -> None:
    """Raises InvalidRequest for a body where none is read; an empty object has nothing in it that could be missed."""
    environ = request.environ
    if environ.get("CONTENT_LENGTH", "").strip("0") or "HTTP_TRANSFER_ENCODING" in environ:
        if not is_json(environ.get("CONTENT_TYPE", "")):
            raise UnsupportedMediaType("This operation reads no body.")
        if raw := request.get_data(cache=False):
            parse_json(Nothing, raw)


def refuse_input() -> None:
    """Refuse a query and a body; for views that declare neither and are not `typed`."""
    read_query(Nothing)
    refuse_body()


def _validated(model: type[Model], given: dict[str, str]) -> Model:
    try:
        return model.model_validate(given)
    except pydantic.ValidationError as error:
        raise invalid(first_errors(error)) from error


@functools.cache
def _usual(model: type[Model]) -> Model | None:
    """The result of an empty query, built once; None if the model requires something."""
    try:
        return model.model_validate({})
    except pydantic.ValidationError:
        return None


@functools.cache
def _environ_keys(model: type[pydantic.BaseModel]) -> tuple[tuple[str, str], ...]:
    """The model's headers, each with its name in WSGI's environment."""
    names: Iterable[str] = [field.alias or name for name, field in model.model_fields.items()]
    return tuple((name, "HTTP_" + name.upper().replace("-", "_")) for name in names)


def _is_utf8(raw: bytes) -> bool:
    """Whether the bytes of a query are; the framework would take others for text that somebody has escaped."""
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    return True
