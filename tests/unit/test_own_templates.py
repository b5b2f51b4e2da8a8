"""An operator's templates are tried before the service starts with them."""

from __future__ import annotations

import pytest
from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from foundation import languages
from foundation.own_templates import Folder, TemplateTrial, problems_of

OURS = "{% extends 'base.html' %}{% block body %}{{ order.number }} {{ order.note }} {{ label }}{% endblock %}"
BASE = "{{ title }} {% block body %}{% endblock %}"
LABELS = {"NEW": "New", "SHIPPED": "Shipped"}


@pytest.fixture
def problems(tmp_path):
    """What is wrong with these templates, which replace ours."""
    ours, own = tmp_path / "ours", tmp_path / "own"
    for folder in (ours, own):
        folder.mkdir()
    (ours / "order.html").write_text(OURS)
    (ours / "base.html").write_text(BASE)
    environment = Environment(loader=ChoiceLoader([FileSystemLoader(own), FileSystemLoader(ours)]), autoescape=True)
    languages.install(environment)

    def found(name="order.html", text=OURS):
        (own / name).write_text(text)
        order = {"number": "A-1", "note": None, "items": [1, 2]}
        trials = [
            TemplateTrial("order.html", {"title": "", "order": order | {"status": one}, "label": label}, one)
            for one, label in LABELS.items()
        ]
        return [one.removeprefix(f"{own}/") for one in problems_of(Folder(own, ours), environment, trials)]

    return found


@pytest.mark.parametrize(
    "text",
    [
        OURS,
        "{{ _('Hello') }} {{ title }} {{ order.status }}",
        "{% for one in order['items'] %}{{ loop.index }}{{ one }}{% endfor %}{{ order.note or '-' }}",
        "{% macro bold(it) %}<b>{{ it }}</b>{% endmacro %}{{ bold(label) }}",
    ],
)
def test_a_template_that_shows_what_it_is_given_is_accepted(problems, text):
    assert [] == problems(text=text)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("one\n{{ lable }}", 2, "lable is unknown; label may be meant"),
        ("one\ntwo {{ order.nmber }}", 2, "nmber is unknown"),
        ("{% if order.status == 'NEW' %}\n{{ order.buyer.name }}\n{% endif %}x", 2, "buyer is unknown (NEW en)"),
        ("one\n{% if label %}", 2, "Unexpected end of template"),
        ("one\n\n{{ label | loud }}", 3, "No filter named 'loud'"),
        ("one\n{{ label + 1 }}", 2, "can only concatenate str"),
        ("one\n{% include 'footer.html' %}", 2, "footer.html"),
        ("{% if order.status == 'NEW' %}new{% endif %}", 1, "says nothing of SHIPPED (SHIPPED en)"),
        ("{% if language() != 'de' %}new{% endif %}", 1, "says nothing of NEW (NEW de)"),
    ],
)
def test_a_mistake_is_reported_with_its_line(problems, text, line, why):
    found = problems(text=text)

    assert any(one.startswith(f"order.html:{line}: ") and why in one for one in found), found


def test_a_template_that_replaces_nothing_is_refused(problems):
    assert ["ordr.html:1: replaces none of our templates; order.html may be meant."] == problems("ordr.html")


def test_an_unknown_member_is_reported_once_and_not_for_each_language(problems):
    assert ["order.html:1: nmber is unknown (NEW en)"] == problems(text="{{ order.nmber }}-")
