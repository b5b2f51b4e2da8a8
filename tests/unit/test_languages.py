"""Which language is used, in requests and outside of them, and how it writes dates, numbers and amounts."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

import pytest
from flask import Flask, render_template_string

from foundation import clock, formats, languages
from foundation.languages import best, gettext, in_language, mirrored

AT = datetime(2025, 11, 23, 14, 32, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_the_same_year(monkeypatch):
    """The year is written if it is another."""
    monkeypatch.setattr(clock, "now", lambda: AT)


@pytest.fixture(scope="module")
def app():
    app = Flask("app")
    languages.init_app(app, "en")
    return app


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"),
        ("DE_de", "de"),
        ("de-AT, en;q=0.8", "de"),
        ("en;q=0.3, de;q=0.7", "de"),
        ("fr, it;q=0.9, de;q=0.1", "de"),
        ("en-GB, de;q=0.9", "en"),
        ("fr", "en"),
        ("fr, *;q=0.5, de;q=0.1", "en"),
        ("de;q=0", "en"),
        ("de;q=high, en;q=0.1", "en"),
        ("de;q=7", "en"),
        ("ar", "en"),
        ("ar-XB", "ar-XB"),
        ("", "en"),
        (",;q=,;;", "en"),
        ("-" * 8000, "en"),
        ("de-" + "a-" * 4000, "de"),
    ],
)
def test_a_stranger_is_served_in_the_best_language_that_there_is(accepted, language):
    assert language == best(accepted)


def test_no_header_is_an_error():
    rng = random.Random(7)
    pieces = [*';,=-*_ q\t"\\\xff\u0130', "de", "en-GB", "q=0.5", "q=1e9", "q=nan", "*;q=0", "ar-XB"]

    for _ in range(500):
        assert best("".join(rng.choices(pieces, k=rng.randint(0, 40)))) in languages.LANGUAGES


def test_who_asks_for_nothing_that_there_is_gets_the_installations_language(app):
    assert "de" == best("fr", "de")
    german = Flask("german")
    languages.init_app(german, "de")

    with german.test_request_context(headers={"Accept-Language": "fr"}):
        assert "de" == languages.current()


def test_a_persons_own_choice_comes_before_the_browsers(app):
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert "de" == languages.current()
        languages.choose("fr")
        assert "de" == languages.current(), "there is no French"
        languages.choose("en-GB")
        assert "en" == languages.current()


def test_a_language_holds_for_its_block_with_or_without_a_request(app):
    with in_language("de"), app.test_request_context(headers={"Accept-Language": "en"}):
        assert "de" == languages.current()
        with in_language("fr"):
            assert "en" == languages.current()
        assert "de" == languages.current()
    assert "en" == languages.current()


def test_templates_use_the_language_of_the_block_or_of_the_request(app):
    page = "{{ _('Hello %(name)s', name='<Bob>') }} {% trans %}you{% endtrans %} {{ direction() }}"
    mine, yours = mirrored("Hello"), mirrored("you")

    with app.test_request_context(headers={"Accept-Language": languages.PSEUDO}):
        assert f"{mine} &lt;Bob&gt; {yours} rtl" == render_template_string(page)
        with in_language("en"):
            assert "Hello &lt;Bob&gt; you ltr" == render_template_string(page)
    with in_language(languages.PSEUDO):
        assert (
            f"{mine} <Bob> {yours} rtl"
            == app.jinja_env.from_string("{% autoescape false %}" + page + "{% endautoescape %}").render()
        )


def test_the_pseudo_language_changes_words_and_nothing_else():
    text = "Order #{number} is %(status)s, <b>100 %%</b> &amp; {}"
    shown = mirrored(text)

    assert text == "".join(one for one in shown if one not in "\u200f\u202e\u202c")
    assert 2 == shown.count("\u202e")
    for kept in ("{number}", "%(status)s", "<b>", "%%", "&amp;", "{}"):
        assert kept in shown


def test_a_text_without_a_catalogue_stays_as_it_was_written():
    assert "Hello Bob" == gettext("Hello %(name)s", name="Bob")
    assert ["1 item", "2 items"] == [languages.ngettext("%(num)s item", "%(num)s items", n) for n in (1, 2)]


@pytest.mark.parametrize(
    ("language", "moment", "long_day", "price", "count"),
    [
        ("en", "23 Nov, 14:32 UTC", "1 December 2026", "€1,084.50", "1,084"),
        ("de", "23. Nov., 14:32 UTC", "1. Dezember 2026", "1.084,50\N{NO-BREAK SPACE}€", "1.084"),
    ],
)
def test_dates_and_amounts_are_written_as_the_language_does(language, moment, long_day, price, count):
    with in_language(language):
        assert moment == formats.moment(AT)
        assert long_day == formats.long_day(date(2026, 12, 1))
        assert price == formats.amount(108450, "EUR", 2)
        assert count == formats.number(1084)


def test_times_are_those_of_the_readers_zone(app):
    with formats.in_zone("Asia/Kolkata"):
        assert "23 Nov, 20:02" == formats.moment(AT)
    with app.test_request_context():
        formats.choose_zone("America/New_York")
        assert "23 Nov, 09:32" == formats.moment(AT)
    assert "23 Nov, 14:32 UTC" == formats.moment(AT)
