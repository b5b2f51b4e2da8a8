"""What is plain is read as gunicorn would read it; whatever could be read in two ways is not plain."""

from __future__ import annotations

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation import hosts, logs
from foundation.responses import PlainResponse
from server import requests, responses

FIELDS = (b"Host: shop.example", b"Authorization: Bearer bob's")
BODY = b'{"status":"CONFIRMED"}'


def request(*fields, line=b"PATCH /api/orders/7/status HTTP/1.1", body=BODY, length=None):
    sized = b"Content-Length: %d" % (len(body) if length is None else length)
    return b"\r\n".join([line, *FIELDS, sized, *fields, b"", body])


def gunicorn_reads(piece):
    """Method, address, fields, body, and what is left, as the server's parser has them."""
    parser = RequestParser(Config(), iter([piece]), ("127.0.0.1", 1))
    read = next(parser)
    fields = {name.lower(): value for name, value in read.headers}
    return read.method, read.uri, fields, read.body.read(), parser.unreader.take_buffered()


def test_a_plain_request_is_read():
    piece = request(b'If-Match: \t"2" ', b"X-Empty:")
    read = requests.read(piece)

    assert BODY == piece[read.begin : read.end]
    assert ("PATCH", "/api/orders/7/status") == (read.method, read.path)
    assert {"host": "shop.example", "if-match": '"2"', "x-empty": ""}.items() <= read.fields.items()


def test_a_request_without_a_body_needs_no_length():
    read = requests.read(b"GET /api/stream HTTP/1.1\r\nHost: shop.example\r\n\r\n")

    assert ("GET", "/api/stream", 0) == (read.method, read.path, read.end - read.begin)


@pytest.mark.parametrize("there", range(len(BODY)))
def test_a_head_says_where_its_body_ends_before_all_of_it_is_there(there):
    whole = request()
    read = requests.read(whole[: len(whole) - len(BODY) + there])

    assert len(whole) == read.end
    assert BODY == whole[read.begin : read.end]


NOT_PLAIN = {
    "half of the head": request()[:40],
    "more than one request": request() + request(),
    "a length beyond the limit": request(length=65_537),
    "a GET with a length": request(line=b"GET /api/stream HTTP/1.1", length=99),
    "a shorter length": request(length=3),
    "no length": b"\r\n".join([b"PATCH / HTTP/1.1", *FIELDS, b"", BODY]),
    "two lengths": request(b"Content-Length: 22"),
    "a length with zeros": request(b"X: y").replace(b": 22", b": 022"),
    "chunks": request(b"Transfer-Encoding: chunked"),
    "a field twice": request(b"If-Match: 1", b"if-match: 2"),
    "two hosts": request(b"Host: other.example"),
    "no host": request().replace(b"Host", b"Hoast"),
    "a folded field": request(b"X: y\r\n z"),
    "a blank before the colon": request(b"X : y"),
    "an underscore in a name": request(b"If_Match: 2"),
    "a field without a name": request(b": y"),
    "a bare line feed": request().replace(b"\r\n", b"\n"),
    "a bare carriage return": request(b"X: y\rZ: w"),
    "a NUL": request(b"X: \0"),
    "a letter beyond ASCII": request("X: ä".encode()),
    "another version": request(line=b"PATCH /api/orders/7/status HTTP/1.0"),
    "another method": request(line=b"PUT /api/orders/7/status HTTP/1.1"),
    "a blank in the address": request(line=b"PATCH /a b HTTP/1.1"),
    "an address elsewhere": request(line=b"PATCH http://shop.example/ HTTP/1.1"),
    "an end of the connection": request(b"Connection: close"),
    "an upgrade": request(b"Upgrade: h2c"),
    "a wish to be told to go on": request(b"Expect: 100-continue"),
    "a preference": request(b"Prefer: wait=1"),
    "another origin": request(b"Origin: https://elsewhere.example"),
    "a packed body": request(b"Content-Encoding: gzip"),
    "a very long field": request(b"X: " + b"y" * 9000),
    "very many fields": request(*(b"X%d: y" % number for number in range(70))),
    "a preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("piece", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())
def test_what_is_in_doubt_is_left_to_the_server(piece):
    assert requests.read(piece) is None


def test_a_host_that_is_not_trusted_is_left_to_the_server():
    assert requests.read(request(), hosts.one_of({"shop.example"}))
    assert requests.read(request(), hosts.one_of({"other.example"})) is None


BYTES = (b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b"\0", b"0", b"22", b"/", b"?", b"#", b"%2e", b"\xe4", b"\x0b")
LINES = (
    b"Host: a",
    b"Content-Length: 22",
    b"Transfer-Encoding: chunked",
    b"X_Y: z",
    b"X-Y: z",
    b"Connection: close",
    BODY,
)
PIECES = st.sampled_from((*BYTES, *LINES))


@settings(max_examples=1000)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 6), PIECES), max_size=4))
def test_whatever_is_taken_for_plain_is_read_alike_by_the_server(changes):
    """Pieces are cut out of a plain request and others put in: two ways to read one request are how it is smuggled."""
    piece = request(b"X-Request-ID: 1")
    for place, cut, put in changes:
        piece = piece[:place] + put + piece[place + cut :]

    read = requests.read(piece)

    if read is not None and read.end == len(piece):
        assert (read.method, read.path, read.fields, piece[read.begin :], b"") == gunicorn_reads(piece)


def test_an_answer_looks_like_the_servers():
    logs.request_id.set("mine-1")
    encode = responses.Encoder([("X-Content-Type-Options", "nosniff")]).encode
    answer = encode(PlainResponse("200 OK", [("Content-Length", "2")], b"{}"), keep=True)

    head = f"HTTP/1.1 200 OK\r\nServer: onward\r\nDate: {responses.date()}\r\nConnection: keep-alive\r\n"
    more = "Content-Length: 2\r\nX-Request-ID: mine-1\r\nX-Content-Type-Options: nosniff\r\n\r\n{}"
    assert (head + more).encode() == answer
    assert b"Connection: close\r\n" in encode(PlainResponse("200 OK", [], b""), keep=False)
