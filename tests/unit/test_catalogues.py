"""The catalogues: every text of pages, scripts and e-mails is in each of them, with the same placeholders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard import texts
from foundation import catalogues, languages

PROJECT = Path(__file__).resolve().parents[2]
TRANSLATED = sorted(languages.OFFERED.keys() - {languages.SOURCE})
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%%|</?\w+[^>]*>")
ATTRIBUTES = re.compile(r"\{%-? block (?:view|state) %\}.*?\{% endblock %\}")
"""Blocks within a tag."""

JINJA = re.compile(r"<style>.*?</style>|<code>.*?</code>|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
READ = re.compile(r""">([^<>]*[^\W\d_]{2}[^<>]*)<|\s(?:aria-label|alt|placeholder|title)="([^"]*[^\W\d_]{2}[^"]*)\"""")
SENTENCE = re.compile(r"""(["'`])([A-Z][a-z']+(?:[ ….][^"'`]*)?)\1""")

IN_ENGLISH = {
    "docs.html": "the contract, which is in English",
    "mails.html": "what the demo would have sent, for whoever develops",
}
NAMES = {
    "Onward",
    "· Onward",
    "Ctrl K",
    "Esc",
    "https://",
    "kind:email error:timeout order:1042",
    "order.status_changed",
}
KEYS = {"Accept", "Content-Type", "Enter", "Escape", "Bearer ${token}"}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_the_texts_that_there_are_and_no_others(language):
    """`make texts` would change nothing."""
    assert languages.catalogue_of(language).read_text("utf-8") == catalogues.updated(language)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_with_its_placeholders(language):
    wrong = []
    for message in catalogues.texts_of(language):
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        texts = message.id if isinstance(message.id, tuple) else (message.id,)
        expected = sorted(PLACEHOLDER.findall(texts[-1]))
        if message.id and (message.fuzzy or any(sorted(PLACEHOLDER.findall(one)) != expected for one in forms)):
            wrong.append(message.id)
        if message.id and not all(forms):
            wrong.append(message.id)

    assert [] == wrong


@pytest.fixture(scope="module")
def marked():
    return {message.id for message in catalogues.extracted()}


def test_extraction_finds_marked_texts_of_code_and_templates(marked):
    assert {"Order #{number} is now “{status}”.", "Skip to content", "Wrong e-mail address or password."} <= marked


def test_the_texts_of_scripts_are_marked(marked):
    assert [] == [name for name, text in texts.TEXTS.items() if text not in marked]


@pytest.mark.parametrize("path", sorted((PROJECT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_a_template_holds_no_text_that_is_not_marked(path):
    if path.name in IN_ENGLISH:
        pytest.skip(IN_ENGLISH[path.name])
    shown = [(one or other).strip() for one, other in READ.findall(JINJA.sub("", ATTRIBUTES.sub("", path.read_text())))]

    assert [] == [text for text in shown if text not in NAMES]


@pytest.mark.parametrize("path", sorted((PROJECT / "static").glob("*.js")), ids=lambda path: path.name)
def test_a_script_holds_no_sentence(path):
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith(("/*", "*", "//"))]

    assert [] == [found[1] for line in lines for found in SENTENCE.findall(line) if found[1] not in KEYS]


def test_a_script_is_given_the_readers_texts():
    with languages.in_language("de"):
        given = texts.for_scripts()

    assert "gerade eben" == given["texts"]["just_now"]
    assert {"dates": "de-u-nu-latn", "numbers": "de-u-nu-latn"} == given["locales"]
    assert "en-GB-u-nu-latn" == texts.for_scripts()["locales"]["dates"]
