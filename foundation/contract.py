"""Requests as typed values: path, query and body are parsed by pydantic models and documented from them.

flask-openapi writes the OpenAPI document from a view's annotations. Its own parsing goes through `get_json`,
which hides what was wrong with a body, so ours takes its place: same annotations, clear errors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

import orjson
import pydantic
from flask import Response, request

from foundation.errors import InvalidRequest, MalformedRequest, NotFound

BODY_BYTES = 64 * 1024
"""Larger bodies are refused with 413; the largest honest one, an order of 200 items, has about 30 KB."""

LARGEST_ID = 2**63 - 1

M = TypeVar("M", bound=pydantic.BaseModel)

Id = Annotated[int, pydantic.Field(ge=1, le=LARGEST_ID)]
"""A positive bigint."""


class Body(pydantic.BaseModel):
    """What a client sends. Unknown members are refused, since a misspelt one would be lost in silence."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class Query(pydantic.BaseModel):
    """What stands behind the question mark; numbers come as text there, so it is not strict."""


class OrderPath(pydantic.BaseModel):
    """The one path parameter there is."""

    order_id: Id


def typed(view: Callable[..., Response]) -> Callable[..., Response]:
    """Parse what the view's annotations `path`, `query` and `body` ask for, before it is called."""
    hints = get_type_hints(view)
    parsers = {name: parse for name, parse in PARSERS.items() if name in hints}

    @functools.wraps(view)
    def parsed(**values: Any) -> Response:
        return view(**{name: parse(hints[name], values) for name, parse in parsers.items()})

    # flask-openapi reads the annotations for its document and leaves the parsing to whoever sets this mark.
    parsed.__delay_validate_request__ = True  # type: ignore[attr-defined]
    return parsed


def parse_json(model: type[M], raw: bytes) -> M:
    """A body as `model`; MalformedRequest when it is no JSON object, InvalidRequest when a member is wrong."""
    if b"\\u0000" in raw:
        _refuse_nul(raw)
    try:
        return model.model_validate_json(raw)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid" or not first["loc"]:
            raise MalformedRequest("The body must be one JSON object.") from error
        raise _invalid(error) from error


def _parse_path(model: type[pydantic.BaseModel], values: dict[str, Any]) -> pydantic.BaseModel:
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        raise NotFound("There is no such order.") from error


def _parse_query(model: type[pydantic.BaseModel], _values: dict[str, Any]) -> pydantic.BaseModel:
    given = request.args.to_dict()
    if any("\x00" in text for text in given.values()):
        raise MalformedRequest("The query must not hold a NUL character.")
    try:
        return model.model_validate(given)
    except pydantic.ValidationError as error:
        raise _invalid(error) from error


def _parse_body(model: type[pydantic.BaseModel], _values: dict[str, Any]) -> pydantic.BaseModel:
    return parse_json(model, request.get_data(cache=False))


PARSERS = {"path": _parse_path, "query": _parse_query, "body": _parse_body}


def _invalid(error: pydantic.ValidationError) -> InvalidRequest:
    """Every wrong member with its place, never with what was sent: that may be a secret."""
    errors = [
        {"field": ".".join(map(str, one["loc"])), "message": one["msg"]}
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return InvalidRequest(f"{errors[0]['field']}: {errors[0]['message']}.", {"errors": errors[:20]})


def _refuse_nul(raw: bytes) -> None:
    """PostgreSQL's text cannot hold U+0000; `\\\\u0000`, six plain characters, is harmless."""
    try:
        text = orjson.dumps(orjson.loads(raw)).replace(rb"\\", b"")
    except orjson.JSONDecodeError:
        return  # the parser behind us says it better
    if b"\\u0000" in text:
        raise MalformedRequest("The body must not hold a NUL character.")
