"""A whole response as values, made without a framework: whoever has the connection sends it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class PlainResponse:
    """What is particular to one response. The header fields that all of them have are added when it is sent."""

    status: str
    """`200 OK`."""

    fields: list[tuple[str, str]]
    body: bytes
