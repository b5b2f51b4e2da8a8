"""What a body may contain, counted in its bytes before anything is built from them.

A parser makes an object of each value and an error of each wrong one, on the loop and without a pause: a megabyte of
unknown members took 0.8 s. What is counted here costs a few milliseconds, whatever stands there.
"""

from __future__ import annotations

import re

from foundation.errors import InvalidRequest, MalformedRequest

DEPTH = 32
"""Levels of arrays and objects that a body may have; what is meant here has three."""

VALUES = 8_000
"""Members and items that a body may have, of all its objects and arrays together; the largest honest one, 500 changes
with all that they may have, has 6,001."""

UNCOUNTED_BYTES = 2 * VALUES
"""A value and what parts it from the next take two bytes: a body of this size has no more values than it may."""

QUOTES = 4 * VALUES
"""A name and a text for each member."""

STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string that does not end is read to the end of the body: looked into again at each quote, it would take minutes.
Nothing is ever taken back (`*+`), which would cost memory for each escape."""

OPENING = b"[{"
NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
NOT_PARTING = bytes(set(range(256)) - set(b"[{,"))


def bound(raw: bytes) -> None:
    """Raises MalformedRequest for a NUL character or too many levels, InvalidRequest for too many values."""
    # `\\u0000`, six plain characters, is harmless, so pairs of backslashes go first. Looked for in what was sent, since
    # two parsers may read a body that is odd in other ways differently; PostgreSQL's text cannot hold it.
    if b"\\u0000" in raw and b"\\u0000" in raw.replace(b"\\\\", b""):
        raise MalformedRequest("The body must not hold a NUL character.")
    if len(raw) <= UNCOUNTED_BYTES and raw.count(b"[") + raw.count(b"{") <= DEPTH:
        return
    # Never more quotes than stand outside of texts, and at least half of those: `"\\"` has one that looks escaped.
    if raw.count(b'"') - raw.count(b'\\"') > QUOTES:
        raise _too_many()
    outside = STRING.sub(b"", raw)
    _bound_depth(outside.translate(None, NOT_BRACKETS)[: 2 * VALUES])  # those of as many values as there may be
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
