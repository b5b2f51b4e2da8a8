"""The application as it is joined, before anything runs in it."""

from __future__ import annotations

import pytest

from access.parts import access_of
from app import build_app
from foundation.settings import Settings
from process import onward_of

SETTINGS = Settings.from_env({"DATABASE_URL": "postgresql://nobody@127.0.0.1/none", "JWT_SECRET": "s" * 32})


@pytest.fixture(scope="module")
def app():
    return build_app(SETTINGS)


def test_one_object_holds_what_a_process_is_made_of(app):
    assert ["onward"] == [name for name in app.extensions if name.startswith("onward")]
    assert access_of(app) is onward_of(app).access


def test_a_view_finds_the_parts_of_the_application_that_answers(app):
    with app.app_context():
        assert access_of() is onward_of(app).access


def test_what_a_request_passes_before_flask_is_one_list(app):
    """A request that is to be refused is screened before anything reads its body or answers it."""
    passed, layer = [], app.wsgi_app
    while (name := type(layer).__name__) != "method":
        passed.append(name)
        layer = next(vars(layer)[one] for one in ("app", "_app") if one in vars(layer))

    assert ["HandOver", "Screen", "Bodies"] == passed
