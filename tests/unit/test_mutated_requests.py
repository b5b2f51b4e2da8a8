"""Mutated requests are read alike by four readers of HTTP and by the router, or they are not plain.

Two ways to read one request are how requests are smuggled. `make fuzz` runs ten times as many mutations, from a seed of
its own; SEED repeats one.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

import h11
import httptools
import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from app import build_app
from foundation.contract import BODY_BYTES
from foundation.settings import Settings
from orders.fast_path import PATH
from server import requests

MUTATIONS = int(os.environ.get("MUTATIONS", "10000"))
SEED = os.environ.get("SEED") or str(random.randrange(10**9))
SETTINGS = Settings.from_env({"DATABASE_URL": "postgresql://nobody@127.0.0.1/none", "JWT_SECRET": "s" * 32})
LINE = b"PATCH /api/orders/7/status HTTP/1.1\r\nHost: shop.example\r\n"
BODY = b'{"status":"CONFIRMED"}'

CORPUS = (
    # curl
    LINE + b"User-Agent: curl/8.5.0\r\nAccept: */*\r\nAuthorization: Bearer a.b-c_d\r\n"
    b"Content-Type: application/json\r\nContent-Length: 22\r\n\r\n" + BODY,
    # requests
    LINE + b"User-Agent: python-requests/2.32.5\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
    b"Connection: keep-alive\r\nAuthorization: Bearer a.b\r\nContent-Length: 22\r\n"
    b"Content-Type: application/json\r\n\r\n" + BODY,
    # Node
    b"PATCH /api/orders/12345/status HTTP/1.1\r\nhost: 127.0.0.1:8000\r\nconnection: keep-alive\r\n"
    b'authorization: Bearer x\r\ncontent-type: application/json\r\nif-match: "3"\r\naccept: */*\r\n'
    b"accept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\n"
    b"content-length: 2\r\n\r\n{}",
    # Go
    LINE + b"User-Agent: Go-http-client/1.1\r\nContent-Length: 22\r\nIdempotency-Key: 3f-1\r\n"
    b"X-Request-ID: r.1\r\nAccept-Encoding: gzip\r\n\r\n" + BODY,
    # A proxy in front
    LINE + b"X-Real-IP: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nX-Forwarded-Proto: https\r\n"
    b"Content-Length: 0\r\n\r\n",
    # EventSource
    b"GET /api/stream HTTP/1.1\r\nHost: [::1]:80\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Last-Event-ID: 7.104\r\nCookie: a=b; c=d\r\n\r\n",
)
LINES = (
    *(b"Host: other.example", b"Content-Length: 22", b"Content-Length: 3", b"Content-Length: +22", b"Content-Length:"),
    *(
        b"Content-Length: 22, 22",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: x",
        b"Transfer-Encoding : chunked",
    ),
    *(b"Connection: close", b"Connection: keep-alive, X-Y", b"Connection: Keep-Alive", b"Proxy-Connection: close"),
    *(b"Expect: 100-continue", b"Upgrade: websocket", b"X_Y: z", b"X-Y: z", b" folded", b"\tfolded", b": y", b"X", b""),
    *(
        b"X-Empty:",
        b"X: \t y \t",
        b"Trailer: X",
        b"Content-Encoding: gzip",
        b"Keep-Alive: timeout=5",
        b"Forwarded: for=a",
    ),
    *(b"X-Forwarded-Ssl: off", b"Content-Type: application/json", b"Content-Type: text/plain", b"X: " + b"y" * 8001),
)
TOKENS = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"\t", b"  ", b":", b",", b";", b'"', b"\0", b"\x0b", b"\x7f"),
    *(
        b"\x80",
        b"\xe4",
        b"\xc4\xb0",
        b"0",
        b"1",
        b"22",
        b"00",
        b"-",
        b"_",
        b"/",
        b"//",
        b"..",
        b"?",
        b"?a=b",
        b"#",
        b"%2e",
    ),
    *(b"%2F", b"%00", b"*", b"http://a/", b"@", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/2.0", b"GET ", b"PATCH ", b"POST "),
)


def mutated(rng: random.Random) -> bytes:
    """A request of the corpus after up to three mutations."""
    piece = rng.choice(CORPUS)
    for _ in range(rng.randint(0, 3)):
        piece = rng.choice(MUTATORS)(piece, rng)
    return piece


def _line(piece: bytes, rng: random.Random) -> bytes:
    """A whole line is put in, doubled, taken out, or moved."""
    head, blank, body = piece.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    at, act = rng.randrange(len(lines)), rng.randrange(5)
    if act == 0:
        lines.insert(at + 1, rng.choice(LINES))
    elif act == 1:
        lines.insert(at, lines[rng.randrange(len(lines))])
    elif act == 2:
        del lines[at]
    elif act == 3:
        lines[at] = lines[at].swapcase()
    else:
        lines.insert(rng.randrange(len(lines)), lines.pop(at))
    return b"\r\n".join(lines) + blank + body


def _token(piece: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(piece) + 1)
    return piece[:at] + rng.choice(TOKENS) + piece[at + rng.choice((0, 0, 1, 2)) :]


def _byte(piece: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(piece) + 1)
    return piece[:at] + bytes((rng.randrange(256),)) + piece[at + rng.randrange(2) :]


def _end(piece: bytes, rng: random.Random) -> bytes:
    """The end is cut off, or more comes behind it."""
    return piece[: -rng.randint(1, 30)] if rng.randrange(2) else piece + rng.choice((*CORPUS, BODY, b"\r\n", b"0"))


def _length(piece: bytes, rng: random.Random) -> bytes:
    length = rng.choice((b"0", b"1", b"21", b"22", b"23", b"65536", b"65537", b"022", b"22 ", b"0x16", b"2_2", b"1e1"))
    return piece.replace(b"Length: 22", b"Length: " + length).replace(b"length: 2", b"length: " + length)


MUTATORS = (_line, _line, _token, _token, _byte, _end, _length)


@dataclass(frozen=True)
class Read:
    """What a reader has understood: one request, and nothing behind it."""

    method: str
    target: str
    fields: dict[str, str]
    body: bytes
    goes_on: bool = True
    """Whether the connection goes on."""

    rest: bytes = b""


def by_gunicorn(piece: bytes) -> Read:
    parser = RequestParser(Config(), iter([piece]), ("127.0.0.1", 1))
    read = next(parser)
    fields = {name.lower(): value for name, value in read.headers}
    body = read.body.read()
    return Read(read.method, read.uri, fields, body, not read.should_close(), parser.unreader.take_buffered())


def by_h11(piece: bytes) -> Read:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(piece)
    head, body = connection.next_event(), b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    fields = {name.decode(): value.decode() for name, value in head.headers}
    goes_on = connection.their_state is h11.DONE
    return Read(head.method.decode(), head.target.decode(), fields, body, goes_on, connection.trailing_data[0])


class ByHttptools:
    """Collects what llhttp calls back."""

    def __init__(self) -> None:
        self.target, self.body, self.fields, self.ended = b"", b"", {}, 0

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields[name.decode().lower()] = value.decode().rstrip(" \t")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1


def by_httptools(piece: bytes) -> Read:
    seen = ByHttptools()
    parser = httptools.HttpRequestParser(seen)
    parser.feed_data(piece)
    assert seen.ended == 1
    return Read(parser.get_method().decode(), seen.target.decode(), seen.fields, seen.body)


READERS = (by_gunicorn, by_h11, by_httptools)


@pytest.fixture(scope="module")
def flask_routes():
    """Which view Flask finds for a target, and for which order."""
    adapter = build_app(SETTINGS).url_map.bind("shop.example")

    def find(method: str, target: str) -> tuple[str, int]:
        endpoint, arguments = adapter.match(target, method)
        return endpoint, arguments["order_id"]

    return find


def check(piece: bytes, rng: random.Random, flask_routes: object) -> bool:
    """Whether it was plain; fails if anybody reads it otherwise."""
    read = requests.read(piece)
    if read is None:
        return False
    assert len(piece) <= read.end <= len(piece) + BODY_BYTES
    cut = rng.randint(0, len(piece))
    assert (read if cut >= read.begin else None) == requests.read(piece[:cut]), "what has arrived changes what is read"
    whole = piece.ljust(read.end, b"x")
    expected = Read(read.method, read.path, read.fields, whole[read.begin :])
    for reader in READERS:
        assert expected == reader(whole), reader.__name__
    if match := PATH.fullmatch(read.path):
        assert ("orders.change_order_status", int(match[1])) == flask_routes("PATCH", read.path)
    return True


def test_mutated_requests_are_read_alike_or_not_taken(flask_routes):
    rng = random.Random(SEED)
    plain = 0
    for number in range(MUTATIONS):
        piece = mutated(rng)
        try:
            plain += check(piece, rng, flask_routes)
        except Exception as error:
            raise AssertionError(f"SEED={SEED}, mutation {number}: {piece!r}") from error

    assert MUTATIONS / 5 < plain < MUTATIONS * 4 / 5, "the mutations are too wild, or too tame, to find anything"


@pytest.mark.parametrize("piece", CORPUS)
def test_what_usual_clients_send_is_plain(piece, flask_routes):
    assert check(piece, random.Random(1), flask_routes)
