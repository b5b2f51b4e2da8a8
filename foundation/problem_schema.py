"""The schema of problem details, and the responses of the contract that contain them: one for each status.

Generators make a class of every schema. A schema for each operation, status and code made 703 of 786 classes of the
Python client, with a closed enum in each that broke the client when a code was added; so there is one schema, whose
`code` is open, and one response for each status.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pydantic
from werkzeug.http import HTTP_STATUS_CODES

from foundation import errors, problems
from foundation.contract import Answer
from foundation.documentation import REQUEST_ID, SCHEMAS, header_references
from foundation.errors import AppError

RATE = ("RateLimit-Policy", "RateLimit")
OF_PROBLEMS = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After", *RATE), 503: ("Retry-After",)}
"""Headers of a status, beyond those of every response."""


class Problem(Answer):
    """An error (RFC 9457). Programs should check `code`: codes are stable, sentences may change. More codes may be
    added. Members beyond `request_id` are only in problems of certain codes."""

    type: str = pydantic.Field(description="`urn:onward:problem:` and the code.")
    title: str
    status: int
    detail: str = pydantic.Field(description="A sentence for people.")
    code: str = pydantic.Field(description="The kind of error; the known ones are listed, and new ones may be added.")
    request_id: str = pydantic.Field(description="Quote it when you report a problem.")


def extensions() -> list[type[pydantic.BaseModel]]:
    """The models of the members that certain errors add (RFC 9457, section 3.2)."""
    found = [error.extension for error in errors.catalogue().values() if error.extension is not None]
    return list(dict.fromkeys(found))


def complete_problem(schemas: dict[str, Any]) -> None:
    """Give the schema `Problem` the known codes, and the members of all extensions, none of which is required."""
    problem = schemas["Problem"]
    codes = list(errors.catalogue())
    known = {code: {"status": one.status, "summary": _summary(one)} for code, one in errors.catalogue().items()}
    problem["properties"]["code"] |= {"x-extensible-enum": codes, "x-codes": known, "examples": codes[:1]}
    for model in extensions():
        problem["properties"] |= schemas.pop(model.__name__)["properties"]


def response_name(status: int) -> str:
    """The name of the response for a status: `NotFound`."""
    return re.sub(r"\W", "", HTTP_STATUS_CODES[status].title())


def references(known: Iterable[type[AppError]]) -> dict[str, Any]:
    """The responses of an operation that has these errors, by status."""
    statuses = sorted({error.status for error in known})
    return {str(status): {"$ref": f"#/components/responses/{response_name(status)}"} for status in statuses}


def responses(known: Iterable[type[AppError]]) -> dict[str, Any]:
    """The response for each status of these errors, with an example for each error."""
    by_status: dict[int, list[str]] = {}
    for error in sorted(set(known), key=lambda one: (one.status, one.code)):
        by_status.setdefault(error.status, []).append(error.code)
    return {response_name(status): _response(status, codes) for status, codes in by_status.items()}


def examples(known: Iterable[type[AppError]]) -> dict[str, Any]:
    """An example of each error, by its code."""
    return {error.code: _example(error) for error in sorted(set(known), key=lambda one: (one.status, one.code))}


def _response(status: int, codes: list[str]) -> Mapping[str, Any]:
    return {
        "description": f"{HTTP_STATUS_CODES[status]}: {', '.join(f'`{code}`' for code in codes)}.",
        "headers": header_references(("X-Request-ID", *OF_PROBLEMS.get(status, ()))),
        "content": {
            problems.CONTENT_TYPE: {
                "schema": {"$ref": SCHEMAS + "Problem"},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _example(error: type[AppError]) -> dict[str, Any]:
    return {
        "summary": _summary(error),
        "value": problems.members(error, error.sentence, error.example, REQUEST_ID),
    }


def _summary(error: type[AppError]) -> str:
    return (error.__doc__ or "").partition("\n")[0]
