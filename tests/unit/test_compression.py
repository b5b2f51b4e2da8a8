"""What is compressed, and for whom."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask, Response

from server import compression

GZIP = {"Accept-Encoding": "gzip"}
BODY = "<p>text</p>" * 200


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    compression.init_app(app)
    app.add_url_rule("/page", "page", lambda: BODY)
    app.add_url_rule("/small", "small", lambda: "<p>")
    app.add_url_rule("/large", "large", lambda: "x" * (compression.LARGEST + 1))
    app.add_url_rule("/json", "json", lambda: Response(BODY, content_type="application/json"))
    app.add_url_rule("/pieces", "pieces", lambda: Response(iter([BODY]), content_type="text/html"))
    return app


def test_a_page_is_compressed_for_who_accepts_it(app: Flask) -> None:
    answer = app.test_client().get("/page", headers=GZIP)

    assert ("gzip", "Accept-Encoding") == (answer.headers["Content-Encoding"], answer.headers["Vary"])
    assert len(answer.data) == answer.content_length < len(BODY)
    assert BODY == gzip.decompress(answer.data).decode()


def test_who_does_not_accept_it_gets_it_as_it_is(app: Flask) -> None:
    answer = app.test_client().get("/page", headers={"Accept-Encoding": "br, gzip;q=0"})

    assert (BODY, "Accept-Encoding") == (answer.text, answer.headers["Vary"])


@pytest.mark.parametrize("path", ["/small", "/large", "/json", "/pieces"])
def test_what_is_small_huge_no_page_or_sent_in_pieces_is_left_alone(app: Flask, path: str) -> None:
    assert "Content-Encoding" not in app.test_client().get(path, headers=GZIP).headers
