"""Sixty hostile bodies for every route that takes one, and hostile addresses: clear errors, nothing changed, no 5xx."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import orjson
import pytest

from access.tokens import Tokens
from chaos.leaks import LEAK
from foundation import openapi
from tests.conftest import PROJECT

DOCUMENT = orjson.loads(Path(PROJECT, "docs", "openapi.json").read_bytes())
WRITES = sorted(
    (method.upper(), path) for path, method, _ in openapi.operations(DOCUMENT) if method in ("post", "patch", "put")
)
READS = sorted(path for path, method, _ in openapi.operations(DOCUMENT) if method == "get" and path != "/api/stream")


def nested(depth, opening=b"[", closing=b"]"):
    return opening * depth + closing * depth


NOT_OBJECTS = (b"", b" ", b"null", b"true", b"0", b"-1", b"1e400", b'""', b'"x"', b"[]", b"[1]", b"[{}]", b"[null]")
NOT_JSON = (b"{", b"}", b"{]", b"{'status': 1}", b'{"a" 1}', b'{"a":}', b"{,}", b"nul", b"NaN", b"Infinity", b"-")
BYTES = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf{}",
    b"\xed\xa0\x80",
    b'{"status":"\xff"}',
    b'{"a":"\x00"}',
    b"\x1f\x8b\x08\x00",
)
WIDE = ('{"status":"x"}'.encode("utf-16"), '{"status":"x"}'.encode("utf-32"))
TEXTS = (
    *(rb'{"status":"\u0000"}', rb'{"reason":"a\u0000b","status":"CANCELLED"}', rb'{"body":"\u0000"}'),
    *(
        rb'{"status":"\ud800"}',
        rb'{"body":"\ud800\ud800"}',
        rb'{"name":"\udfff"}',
        rb'{"\u0000":1}',
        rb'{"reason":"\x00"}',
    ),
)
NUMBERS = (
    *(b'{"up_to":9223372036854775808}', b'{"up_to":-1}', b'{"up_to":1.5}', b'{"up_to":1e400}', b'{"up_to":"1"}'),
    *(b'{"up_to":%s}' % (b"9" * 400), b'{"id":18446744073709551616}', b'{"up_to":NaN}', b'{"days":1e308}'),
)
TYPES = (
    b'{"status":[]}',
    b'{"status":{}}',
    b'{"status":null}',
    b'{"status":1}',
    b'{"changes":{}}',
    b'{"changes":[null]}',
)
SHAPES = (b'{"a":1,"a":2}', b'{"__proto__":1}', b'{"status":"CONFIRMED","status":"SHIPPED","x":1}', b'{"changes":[]}')
DEEP = (
    nested(30_000),
    nested(33),
    nested(20_000, b'{"a":', b"}").replace(b"}", b"1}", 1),
    b'{"a":' + nested(5_000) + b"}",
)
LARGE = (
    b'{"status":"' + b"x" * 60_000 + b'"}',
    b'{"reason":"' + b"y" * 60_000 + b'","status":"CANCELLED"}',
    b"x" * 70_000,
)
BODIES = (*NOT_OBJECTS, *NOT_JSON, *BYTES, *WIDE, *TEXTS, *NUMBERS, *TYPES, *SHAPES, *DEEP, *LARGE)

ADDRESSES = (
    *(
        "0",
        "-1",
        "1.5",
        "1e3",
        "9223372036854775807",
        "9223372036854775808",
        "9" * 400,
        "%00",
        "%ff",
        "%2e%2e",
        "..%2f",
    ),
    *("'", "{}", "null", "NaN", "%ed%a0%80", "*"),
)
LIKE_AN_ID = ("{}'--", "{}%0d%0aX:%20y", "{};2", "{}.0", "{}e0", "+{}", "%20{}", "0{}", "/{}", "{}%2f")
"""Other ways to write the id of an order that is there."""

QUERIES = (
    "limit",
    "cursor",
    "after",
    "status",
    "q",
    "seller_id",
    "sort",
    "channels",
    "last_event_id",
    "buyer_id",
    "before",
)
VALUES = (
    "",
    "%00",
    "%ff",
    "-1",
    "9" * 400,
    "NaN",
    "'",
    "[]",
    "%ed%a0%80",
    "a" * 3000,
    "1,,2",
    "\u202e",
    "1 OR 1=1",
    "()&|!",
)


@pytest.fixture
def ask(app, settings, placed):
    """Ask as somebody who may do everything: the bare status and text of the answer."""
    tokens = Tokens.of(settings)
    client = app.test_client(use_cookies=False)

    def ask(method, path, data=None, role="operator"):
        headers = {"Authorization": f"Bearer {tokens.issue(role, 4_000_000_019)}"}
        with client.open(path, method=method, data=data, headers=headers) as answer:
            text = answer.get_data(as_text=True)
            if answer.status_code >= 400:
                assert "application/problem+json" == answer.content_type, text
            return answer.status_code, text

    return ask


def test_there_are_as_many_as_there_should_be():
    assert 60 <= len(BODIES) == len(set(BODIES))
    assert len(WRITES) >= 15


@pytest.mark.parametrize(("method", "path"), WRITES, ids=" ".join)
def test_hostile_bodies_are_refused_clearly(ask, placed, sql, method, path):
    path = path.replace("{order_id}", str(placed["id"]))
    before = sql("SELECT version, status FROM orders")
    found = {}
    for body in BODIES:
        status, text = ask(method, path, body)
        if status >= 500 or (status >= 400 and LEAK.search(text)):
            found[body[:60]] = (status, text[:300])

    assert {} == found
    assert before == sql("SELECT version, status FROM orders")


@pytest.mark.parametrize(
    ("method", "path"), [one for one in (*WRITES, *(("GET", path) for path in READS)) if "{" in one[1]], ids=" ".join
)
def test_hostile_addresses_are_refused_clearly(ask, placed, method, path):
    id = str(placed["id"])
    arabic = "".join(chr(0x660 + int(digit)) for digit in id)
    found = {}
    for address in (*ADDRESSES, *(form.replace("{}", id) for form in LIKE_AN_ID), arabic, quote(arabic)):
        asked = re.sub(r"\{.*?\}", "ADDRESS", path).replace("ADDRESS", address)
        status, text = ask(method, asked, b"{}" if method != "GET" else None)
        if status >= 500 or not 400 <= status < 500 or LEAK.search(text):
            found[address[:60]] = (status, text[:300])

    assert {} == found


@pytest.mark.parametrize("path", [path for path in READS if "{" not in path])
def test_hostile_queries_are_answered_or_refused_clearly(ask, path):
    found = {}
    for name in QUERIES:
        for value in VALUES:
            status, text = ask("GET", f"{path}?{name}={value}")
            if (status >= 500 and path != "/readyz") or (status >= 400 and path != "/readyz" and LEAK.search(text)):
                found[f"{name}={value[:40]}"] = (status, text[:300])

    assert {} == found
