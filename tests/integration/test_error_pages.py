"""The pages of errors: with the frame of who reads them, and without it when nothing else works."""

from __future__ import annotations

import jinja2

from tests.integration.visitor import Visitor

HTML = {"Accept": "text/html"}


def test_who_has_signed_in_keeps_their_pages(visit):
    page = visit("bob").get("/nowhere")

    assert 404 == page.status_code
    assert 'href="/seller/orders"' in page.text
    assert page.headers["X-Request-ID"] in page.text


def test_a_guest_is_led_to_the_start(app):
    page = Visitor(app.test_client()).get("/nowhere").text

    assert "To the start page" in page
    assert "/seller/" not in page


def test_without_a_database_the_page_comes_all_the_same(visit, app_with):
    bob = visit("bob").before(app_with(database_url="postgresql+psycopg2://nobody@127.0.0.1:1/nothing"))

    page = bob.get("/seller/orders")

    assert (503, True) == (page.status_code, "isn&#39;t responding" in page.text)


def test_without_its_template_an_error_is_answered_as_a_problem(app, monkeypatch):
    monkeypatch.setattr(app.jinja_env, "loader", jinja2.DictLoader({}))
    monkeypatch.setattr(app.jinja_env, "cache", None)

    answer = app.test_client().get("/nowhere", headers=HTML)

    assert (404, "not_found") == (answer.status_code, answer.get_json()["code"])
