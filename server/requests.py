"""Plain HTTP requests, read directly from their bytes.

The server's parser is right for everything, and a quarter of the cost of a response. A request whose head arrived in
one piece, whose length is known and small, and which has nothing that changes how it is read, does not need it. Any
other is left alone: the server gets the bytes that have arrived, and reads it as usual (RFC 9112; a doubtful request is
never decided here).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from foundation.contract import BODY_BYTES
from foundation.hosts import KnowsHost, is_host

HEAD_BYTES = 16 * 1024
"""Bytes read at once of a connection that is idle; a larger head is not plain."""

HEAD = re.compile(
    rb"(?P<method>GET|PATCH) (?P<path>/[!-~]{0,255}) HTTP/1\.1\r\n"
    rb"(?P<fields>(?:[A-Za-z][A-Za-z0-9-]{0,63}:[\t -~]{0,8000}\r\n){1,64})\r\n"
)

FORWARDED_OTHERWISE = ("x-forwarded-ssl", "x-forwarded-protocol")
"""They may contradict X-Forwarded-Proto, which the server refuses."""

LENGTH = re.compile(r"0|[1-9][0-9]{0,4}")

READ_OTHERWISE = (
    *("transfer-encoding", "content-encoding", "content-range", "expect"),
    *("upgrade", "http2-settings", "te", "trailer"),
)
ASKED_OTHERWISE = ("prefer", "origin", "if-none-match")
UNUSUAL = frozenset((*READ_OTHERWISE, *ASKED_OTHERWISE, *FORWARDED_OTHERWISE))
"""Fields that change how a request is read, or what it means; with them it is not plain."""


@dataclass(slots=True)
class Plain:
    """One request, whose body may not have arrived yet."""

    method: str
    path: str
    """With the query."""

    fields: dict[str, str]
    """By their names in lower case; none occurs twice."""

    begin: int
    """Where in the bytes its body begins."""

    end: int
    """Where it ends; nothing that has arrived is beyond."""


def read(piece: bytes, knows_host: KnowsHost = is_host) -> Plain | None:
    """The request that begins with these bytes; None in case of any doubt, also about its host."""
    head = HEAD.match(piece)
    if head is None:
        return None
    lines = head["fields"].decode("ascii").split("\r\n")[:-1]
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip(" \t")
    length = fields.get("content-length", "0")
    plain = (
        len(fields) == len(lines)
        and knows_host(fields.get("host", ""))
        and UNUSUAL.isdisjoint(fields)
        and fields.get("connection", "keep-alive").lower() == "keep-alive"
        and LENGTH.fullmatch(length) is not None
        and (length == "0" or head["method"] == b"PATCH")
        and len(piece) - head.end() <= int(length) <= BODY_BYTES
    )
    if not plain:
        return None
    return Plain(head["method"].decode(), head["path"].decode(), fields, head.end(), head.end() + int(length))
