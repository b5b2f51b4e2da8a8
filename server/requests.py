"""HTTP requests that are as plain as can be, read straight from the bytes they came in.

The server's parser is right for everything, and a quarter of what an answer costs. What arrived in one piece, with a
length, without anything that changes how it is to be read, needs none of that. Whatever else it is, it is left alone:
nobody has taken a byte of it, and the server reads it as ever (RFC 9112; a doubtful request is never ours to judge).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from foundation.hosts import KnowsHost, is_host

PIECE_BYTES = 16 * 1024
"""A larger request is not plain."""

HEAD = re.compile(
    rb"(?P<method>GET|PATCH) (?P<path>/[!-~]{0,255}) HTTP/1\.1\r\n"
    rb"(?P<fields>(?:[A-Za-z][A-Za-z0-9-]{0,63}:[\t -~]{0,8000}\r\n){1,64})\r\n"
)

FORWARDED_OTHERWISE = ("x-forwarded-ssl", "x-forwarded-protocol")
"""Beside X-Forwarded-Proto they may contradict it, which the server refuses."""

READ_OTHERWISE = ("transfer-encoding", "content-encoding", "expect", "upgrade", "http2-settings", "te", "trailer")
ASKED_OTHERWISE = ("prefer", "origin")
UNUSUAL = frozenset((*READ_OTHERWISE, *ASKED_OTHERWISE, *FORWARDED_OTHERWISE))
"""Fields that change how a request is read, or what it asks for; with them it is no plain one."""


@dataclass(slots=True)
class Plain:
    """One whole request."""

    method: str
    path: str
    """With the query."""

    fields: dict[str, str]
    """By their names in lower case; none came twice."""

    body: bytes


def read(piece: bytes, knows_host: KnowsHost = is_host) -> Plain | None:
    """The request that these bytes are, all of them; None when that is in any doubt, also of its host."""
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
