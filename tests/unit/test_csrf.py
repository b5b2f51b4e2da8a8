"""The CSRF token in compressed pages."""

from __future__ import annotations

import pytest
from flask import Flask, render_template_string

from access import csrf

TOKEN = "IjBhMWIi.aSh1Zg.signature-of-it"


def test_a_token_is_written_differently_each_time_and_read_as_it_was() -> None:
    masked = {csrf.mask(TOKEN) for _ in range(20)}

    assert 20 == len(masked)
    assert {TOKEN} == {csrf.unmask(one) for one in masked}


@pytest.mark.parametrize("text", ["", TOKEN, "not base64!", "ä", "AAAA", "="])
def test_what_was_not_masked_here_is_no_token(text: str) -> None:
    assert TOKEN != csrf.unmask(text)


def test_no_two_responses_hold_the_same_text() -> None:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="secret", WTF_CSRF_CHECK_DEFAULT=False)
    csrf.MaskedCsrf(app)
    app.add_url_rule("/", "page", lambda: render_template_string("{{ csrf_token() }} {{ csrf_token() }}"))
    client = app.test_client()

    first, second = (client.get("/").text.split(" ") for _ in range(2))

    assert first[0] == first[1] != second[0]
    shared = [first[0][i : i + 8] for i in range(len(first[0]) - 8) if first[0][i : i + 8] in second[0]]
    assert [] == shared
    assert csrf.unmask(first[0]).split(".")[0] == csrf.unmask(second[0]).split(".")[0]
