"""Plain HTTP requests, read directly from their bytes.

The server's parser is right for everything, and a quarter of the cost of a response. A request that arrived in one
piece, with a length and without anything that changes how it is read, does not need it. Any other is left alone: no
byte of it has been consumed, and the server reads it as usual (RFC 9112; a doubtful request is never decided here).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from foundation.hosts import KnowsHost, is_host

PLAIN_BYTES = 16 * 1024
"""A larger request is not plain."""

HEAD = re.compile(
    rb"(?P<method>GET|PATCH) (?P<path>/[!-~]{0,255}) HTTP/1\.1\r\n"
    rb"(?P<fields>(?:[A-Za-z][A-Za-z0-9-]{0,63}:[\t -~]{0,8000}\r\n){1,64})\r\n"
)

FORWARDED_OTHERWISE = ("x-forwarded-ssl", "x-forwarded-protocol")
"""They may contradict X-Forwarded-Proto, which the server refuses."""

READ_OTHERWISE = ("transfer-encoding", "content-encoding", "expect", "upgrade", "http2-settings", "te", "trailer")
ASKED_OTHERWISE = ("prefer", "origin")
UNUSUAL = frozenset((*READ_OTHERWISE, *ASKED_OTHERWISE, *FORWARDED_OTHERWISE))
"""Fields that change how a request is read, or what it means; with them it is not plain."""


@dataclass(slots=True)
class Plain:
    """One complete request."""

    method: str
    path: str
    """With the query."""

    fields: dict[str, str]
    """By their names in lower case; none occurs twice."""

    body: bytes


def read(piece: bytes, knows_host: KnowsHost = is_host) -> Plain | None:
    """The request in these bytes, all of them; None in case of any doubt, also about its host."""
    head = HEAD.match(piece)
    if head is None:
        return None
    lines = head["fields"].decode("ascii").split("\r\n")[:-1]
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip(" \t")
    body = piece[head.end() :]
    plain = (
        len(fields) == len(lines)
        and knows_host(fields.get("host", ""))
        and UNUSUAL.isdisjoint(fields)
        and fields.get("connection", "keep-alive").lower() == "keep-alive"
        and fields.get("content-length", "0") == str(len(body))
    )
    return Plain(head["method"].decode(), head["path"].decode(), fields, body) if plain else None
