"""Reading a JSON body: its contents are counted in its bytes before anything is built from them.

A parser builds an object for each value and an error for each invalid one, on the event loop and without a pause: a
megabyte of unknown members took 0.8 s. The counting takes a few milliseconds, whatever the content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pydantic

from foundation.errors import InvalidRequest, MalformedRequest

Model = TypeVar("Model", bound=pydantic.BaseModel)

DEPTH = 32
"""Maximum levels of arrays and objects in a body; legitimate ones have three."""

VALUES = 8_000
"""Maximum members and items of a body, of all its objects and arrays together; the largest honest one, 500 changes with
every optional member, has 6,001."""

UNCOUNTED_BYTES = 2 * VALUES
"""A value and its separator take two bytes: a body of this size cannot have more values than allowed."""

QUOTES = 4 * VALUES
"""A name and a text for each member."""

STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""An unterminated string extends to the end of the body: scanned again at each quote, it would take minutes. The
pattern never backtracks (`*+`), which would cost memory for each escape."""

OPENING = b"[{"
NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
NOT_PARTING = bytes(set(range(256)) - set(b"[{,"))

ERRORS_TOLD = 20
"""More errors than this are usually the same mistake repeated."""

REPEATED = "Input should be given once"

FIELD_CHARACTERS = 200
"""A location may contain the name of an unknown member, which can be arbitrarily long."""


def parse_json(model: type[Model], raw: bytes) -> Model:
    """A body as `model`; raises MalformedRequest if it is not a JSON object, InvalidRequest if a member is invalid or
    repeated."""
    bound(raw)
    try:
        parsed = model.model_validate_json(raw)
    except pydantic.ValidationError as error:
        errors = first_errors(error)
        if errors[0]["type"] == "json_invalid" or not errors[0]["loc"]:
            raise MalformedRequest from error
        raise invalid(errors) from error
    if raw.count(b":") > 1:  # the usual change has one member, and costs nothing more
        _refuse_repeated(raw.decode())
    return parsed


class _Repeated(Exception):
    """Some object has two members of the same name."""


def _refuse_repeated(text: str) -> None:
    """Raises InvalidRequest for an object with two members of one name, of which every parser takes another (RFC 8259,
    section 4); the text is valid JSON."""
    try:
        CHECKING_NAMES.decode(text)
    except _Repeated:
        raise invalid([{"loc": place, "msg": REPEATED} for place in _repeated(AS_PAIRS.decode(text))]) from None


def _check_names(pairs: list[tuple[str, Any]]) -> None:
    """Called for each object, the inner ones first."""
    if len(dict(pairs)) < len(pairs):
        raise _Repeated


def _repeated(value: Any) -> Iterator[tuple[str | int, ...]]:
    """Where members are repeated, in a value whose objects are tuples of pairs and whose arrays are lists."""
    seen: set[str | int] = set()
    for name, member in value if isinstance(value, tuple) else enumerate(value) if isinstance(value, list) else ():
        if name in seen:
            yield (name,)
        seen.add(name)
        yield from ((name, *place) for place in _repeated(member))


CHECKING_NAMES = json.JSONDecoder(object_pairs_hook=_check_names, parse_int=str, parse_float=str)
"""Builds no numbers: Python refuses to parse those of thousands of digits."""

AS_PAIRS = json.JSONDecoder(object_pairs_hook=tuple, parse_int=str, parse_float=str)


def bound(raw: bytes) -> None:
    """Raises MalformedRequest for a NUL character or too many levels, InvalidRequest for too many values."""
    # `\\u0000` as six plain characters is harmless, so pairs of backslashes are removed first. The raw bytes are
    # searched, since two parsers may read a malformed body differently; PostgreSQL's text cannot contain NUL.
    if b"\\u0000" in raw and b"\\u0000" in raw.replace(b"\\\\", b""):
        raise MalformedRequest("The body must not contain a NUL character.")
    if len(raw) <= UNCOUNTED_BYTES and raw.count(b"[") + raw.count(b"{") <= DEPTH:
        return
    # Never more quotes than there are outside of texts, and at least half of those: `"\\"` has one that looks escaped.
    if raw.count(b'"') - raw.count(b'\\"') > QUOTES:
        raise _too_many()
    outside = STRING.sub(b"", raw)
    _bound_depth(outside.translate(None, NOT_BRACKETS)[: 2 * VALUES])  # those of the maximum number of values
    if len(outside.translate(None, NOT_PARTING)) > VALUES:
        raise _too_many()


def _bound_depth(brackets: bytes) -> None:
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in OPENING else -1
        if depth > DEPTH:
            raise MalformedRequest(f"The body must not be nested deeper than {DEPTH} levels.")


def _too_many() -> InvalidRequest:
    return InvalidRequest(f"The body must not have more than {VALUES:,} members and items.")


def invalid(errors: Sequence[Mapping[str, Any]]) -> InvalidRequest:
    """Invalid members with their locations, never with their values: these may be secrets."""
    listed = [
        {"field": ".".join(map(str, one["loc"]))[:FIELD_CHARACTERS], "message": one["msg"]}
        for one in errors[:ERRORS_TOLD]
    ]
    return InvalidRequest(f"{listed[0]['field']}: {listed[0]['message']}.", {"errors": listed})


def first_errors(error: pydantic.ValidationError) -> list[dict[str, Any]]:
    """The first errors. pydantic builds all of them or none: as text they are cheap, and only these become objects."""
    text = error.json(include_url=False, include_context=False, include_input=False)
    decoder, place = json.JSONDecoder(), 1
    errors: list[dict[str, Any]] = []
    while place < len(text) and len(errors) < ERRORS_TOLD:
        one, place = decoder.raw_decode(text, place)
        errors.append(one)
        place += 1  # a comma, or the end
    return errors
