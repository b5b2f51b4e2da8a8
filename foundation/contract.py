"""Requests as typed values: path, query and body are parsed by pydantic models and documented from them.

flask-openapi writes the OpenAPI document from a view's annotations. Its own parsing uses `get_json`, which hides what
was wrong with a body, so foundation/strict_reading.py replaces it: same annotations, clear errors.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, get_type_hints

import pydantic
from flask import Response, request

from foundation import strict_reading
from foundation.strict_reading import Nothing

BODY_BYTES = 64 * 1024
"""Larger bodies are refused with 413; the largest honest one, an order of 200 items, has about 30 KB."""

LARGEST_ID = 2**53 - 1
"""JavaScript, and whatever else reads a JSON number as a double (RFC 8259, section 6), takes a larger one for another:
docs/decisions/0018-ids.md."""

ID_DIGITS = len(str(LARGEST_ID))


def _whole(value: object) -> object:
    """`1.0` is an integer in JSON Schema, and some languages write integers so. Beyond 2^53 it may mean another one."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_ID else value


WHOLE = pydantic.BeforeValidator(_whole)
"""For integers in bodies, where pydantic's strict mode knows only those without a decimal point."""

Id = Annotated[int, pydantic.Field(ge=1, le=LARGEST_ID), WHOLE]
"""The id of an order, a seller, a buyer …, which every reader of JSON reads as the same number."""


def _written(value: object) -> object:
    if not isinstance(value, datetime) and not (isinstance(value, str) and MOMENT.match(value)):
        raise ValueError("Input should be a date, or a date and a time such as 2026-01-31T12:00:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("Input should be a time between the years 1 and 9999") from error


MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}($|[Tt ])")
Moment = Annotated[
    datetime,
    pydantic.Field(strict=False),  # in a body too: what precedes it has seen to the form
    pydantic.BeforeValidator(_written),
    pydantic.AfterValidator(_in_utc),
    pydantic.WithJsonSchema({"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]
"""A date and a time (RFC 3339), in UTC if no time zone is given, or a date, which means its start. Numbers are refused,
although pydantic takes them for seconds; and PostgreSQL has no zones beyond 16 hours."""


class Body(pydantic.BaseModel):
    """Base of request bodies. Unknown members are refused, since a misspelt one would otherwise be ignored."""

    most_bytes: ClassVar[int | None] = None
    """For bodies that may be larger than BODY_BYTES."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class Query(pydantic.BaseModel):
    """Base of query parameters; numbers arrive as text there, so it is not strict."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Headers(pydantic.BaseModel):
    """Base of request headers; an alias is a header's name, and all other headers are ignored."""


class Answer(pydantic.BaseModel):
    """Base of responses. It documents and tests them; most are written by the database as text."""


def never_null(schema: dict[str, Any]) -> None:
    """For a member of a response that is absent rather than null; `json_schema_extra` of its field."""
    (some,) = [one for one in schema.pop("anyOf") if one != {"type": "null"}]
    schema.update(some)


def example(**members: Any) -> pydantic.ConfigDict:
    """A model's `model_config` with an example: it is shown in the documentation, and a test tries it."""
    return pydantic.ConfigDict(json_schema_extra={"examples": [members]})


def example_of(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    """The example of a model."""
    extra = model.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    examples: Any = extra["examples"]
    shown: dict[str, Any] = examples[0]
    return shown


class OrderPath(pydantic.BaseModel):
    """The only path parameter."""

    order_id: Annotated[Id, pydantic.Field(description="The order's id.", examples=[1])]


def typed(view: Callable[..., Response], own_body: bool = False) -> Callable[..., Response]:
    """Read the `path`, `query`, `header` and `body` that the view's annotations declare, before it is called.

    What the view does not declare is refused: whatever is ignored is something that the client counts on. A view with
    an `own_body` reads it by itself.
    """
    hints = get_type_hints(view)
    parsers = {name: parse for name, parse in PARSERS.items() if name in hints}
    headers = strict_reading.headers_of(hints["header"]) if "header" in hints else []

    @functools.wraps(view)
    def parsed(**values: Any) -> Response:
        if "query" not in parsers:
            strict_reading.read_query(Nothing)
        strict_reading.refuse_conditions(headers)
        given = {name: parse(hints[name], values) for name, parse in parsers.items()}
        if "body" not in parsers and not own_body:
            strict_reading.refuse_body()
        response = view(**given)
        return _revalidated(response) if request.method in ("GET", "HEAD") else response

    # flask-openapi reads the annotations for its document and skips its own parsing if this mark is set.
    parsed.__delay_validate_request__ = True  # type: ignore[attr-defined]
    return parsed


def _revalidated(response: Response) -> Response:
    """A JSON response with an ETag, or 304 if the client has it already (RFC 9110, section 13.1.2)."""
    if response.status_code == 200 and response.mimetype == "application/json":
        response.add_etag()
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.make_conditional(request)
    return response


Parser = Callable[[type[pydantic.BaseModel], dict[str, Any]], pydantic.BaseModel]

PARSERS: dict[str, Parser] = {
    "path": strict_reading.read_path,
    "query": lambda model, _: strict_reading.read_query(model),
    "header": lambda model, _: strict_reading.read_headers(model),
    "body": lambda model, _: strict_reading.read_body(model),
}
