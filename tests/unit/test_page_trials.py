"""Pages with templates of the operator's."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from app import build_app
from foundation.settings import SettingsError
from tests.unit.test_app import SETTINGS

OURS = Path(__file__).resolve().parents[2] / "templates"


@pytest.fixture
def built(tmp_path):
    """The application with this text of ours replaced in its template."""

    def build(name, old="", new=""):
        text = (OURS / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new))
        return build_app(dataclasses.replace(SETTINGS, templates_folder=tmp_path))

    return build


def test_a_page_is_the_operators_if_there_is_a_template(built, tmp_path):
    app = built("tracking.html", '<div id="said"', '<p>Ours</p><div id="said"')

    assert str(tmp_path / "tracking.html") == app.jinja_env.get_template("tracking.html").filename
    assert str(OURS / "track.html") == app.jinja_env.get_template("track.html").filename


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("order.number", "order.numero", "tracking.html:6: numero is unknown"),
        ('{{ text("zone", zone="UTC") }}', "{{ led }}", "tracking.html:37: led is unknown"),
    ],
)
def test_a_page_that_shows_what_there_is_not_is_refused_at_the_start(built, old, new, why):
    with pytest.raises(SettingsError, match=re.escape(why)):
        built("tracking.html", old, new)
