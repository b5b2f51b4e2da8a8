"""Brings the catalogues in line with the texts of code and templates: `make texts`. The service only reads them."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

import own_packages
from foundation.languages import CATALOGUES, OFFERED, SOURCE, catalogue_of, locale_name

TEMPLATES = own_packages.PROJECT / "templates"
EXTRACTORS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")]
OPTIONS = {"**.html": {"trimmed": "true"}, "**.txt": {"trimmed": "true"}}
HEADER = """\
# `make texts` adds what is new in the code and removes what is gone; a test fails for a text without a translation.
msgid ""
msgstr ""
"Project-Id-Version: Onward\\n"
"Language: {locale}\\n"
"Plural-Forms: {plural}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
"""Without the times of its making: a file that nothing was changed in is the same."""


@cache
def extracted() -> Catalog:
    """Every text that is marked in the code and in the templates, as `pybabel extract` finds them."""
    catalog = Catalog()
    folders = [own_packages.PROJECT / name for name in own_packages.NAMES]
    for folder in (*filter(Path.is_dir, folders), TEMPLATES):
        for _file, _line, text, comments, context in extract_from_dir(folder, EXTRACTORS, OPTIONS, DEFAULT_KEYWORDS):
            catalog.add(text, None, auto_comments=comments, context=context)
    return catalog


def texts_of(language: str, path: Path | None = None) -> Catalog:
    """The texts of a language, as its file has them."""
    with (path or catalogue_of(language)).open("rb") as file:
        return read_po(file, locale_name(language))


def updated(language: str) -> str:
    """The file of a language as it should be: with what is new, which has no translation yet, without what is gone."""
    translated = texts_of(language)
    translated.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    written = io.BytesIO()
    write_po(written, translated, 0, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    header = HEADER.format(locale=locale_name(language), plural=translated.plural_forms)
    return f"{header}{written.getvalue().decode().strip()}\n"


if __name__ == "__main__":
    for one in OFFERED:
        if one != SOURCE:
            catalogue_of(one).write_text(updated(one), "utf-8")
            print(catalogue_of(one).relative_to(CATALOGUES.parent))
