"""Schemas of the contract in the form that generators make good code of, where pydantic writes another one.

- A default makes a member required in TypeScript, and `null` is the default of each optional member in pydantic: bodies
  have no defaults, and the description says what holds without the member.
- A title of each member repeats its name, and becomes part of the names of generated classes.
- PostgreSQL's text cannot contain NUL, so every text that is sent says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

TEXT = r"^[^\u0000]*$"
"""The pattern of a text that may contain everything else."""

LIMITED = {"enum", "const", "pattern", "format", "anyOf"}
"""Keywords with which a string is limited already."""


def tidy(schemas: dict[str, Any], bodies: Collection[str]) -> None:
    """Rewrite these schemas; `bodies` are the names of those that are sent to the service."""
    for name, schema in schemas.items():
        schema.pop("title", None)
        for member in schema.get("properties", {}).values():
            for part in _parts(member):
                part.pop("title", None)
                if name in bodies:
                    limit_text(part)
                if "description" in part:  # of a member that may be null, pydantic describes only the other form
                    member["description"] = part.pop("description") if part is not member else part["description"]
            if member.get("default", "") is None:
                del member["default"]
            elif name in bodies and "default" in member:
                said = f"`{member.pop('default')}` if it is left out."
                member["description"] = f"{member.get('description', '')} {said}".strip()


def limit_text(schema: dict[str, Any]) -> None:
    """Say of a string that is not limited otherwise that it contains no NUL."""
    if schema.get("type") == "string" and LIMITED.isdisjoint(schema):
        schema["pattern"] = TEXT


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema, its alternatives and its items."""
    yield schema
    for one in schema.get("anyOf", ()):
        yield from _parts(one)
    if "items" in schema:
        yield from _parts(schema["items"])
