"""The languages that people are served in, and the one that is used here and now.

Texts are written in English where they are used, and marked by `_()` (`N_()` where they only stand in a table). The
catalogues in translations/ have them in other languages (GNU gettext) and are read when they are first needed: a
checkout needs no build step. docs/languages.md has the rest.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import current_app, g, has_request_context, request
from werkzeug.http import parse_accept_header

if TYPE_CHECKING:
    from babel import Locale
    from babel.support import NullTranslations
    from flask import Flask
    from jinja2 import Environment

SOURCE = "en"
"""The language that the texts are written in."""

PSEUDO = "ar-XB"
"""English from right to left: whoever asks for it sees which parts of a page are not made for that direction."""

OFFERED = {"en": "English", "de": "Deutsch"}
"""By tag (BCP 47), each under its own name."""

LANGUAGES = (*OFFERED, PSEUDO)
LOCALES = {"en": "en_GB", PSEUDO: "ar"}
"""Whose dates a language uses (CLDR), if not its own: English ones are those of Britain, with 24 hours."""

CATALOGUES = Path(__file__).resolve().parents[1] / "translations"
DOMAIN = "onward"

MOST_CHARACTERS = 35
"""Enough for every tag of BCP 47 (section 4.4.1); what is longer is none of ours."""

_used: ContextVar[str | None] = ContextVar("language", default=None)


def init_app(app: Flask, default: str) -> None:
    """Have templates and requests use all this; `default` is for those who say nothing that we know."""
    app.config["DEFAULT_LANGUAGE"] = default
    install(app.jinja_env)


def install(environment: Environment) -> None:
    """Give templates `_()` and `{% trans %}` in the current language."""
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: translations(current()).gettext(text),
        lambda one, many, count: translations(current()).ngettext(one, many, count),
        newstyle=True,
    )
    environment.globals.update(language=current, direction=direction)
    environment.filters["translated"] = gettext  # of what a template is given; `_()` would fill in its percent signs


def known(tag: str | None) -> str | None:
    """Our language for this tag, by lookup (RFC 4647, section 3.4): `de-AT` is `de`; None if there is none."""
    parts = (tag or "")[:MOST_CHARACTERS].replace("_", "-").lower().split("-")
    ours = {one.lower(): one for one in LANGUAGES}
    found = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((ours[one] for one in found if one in ours), None)


def best(accept_language: str, otherwise: str = SOURCE) -> str:
    """The language for who accepts these (RFC 9110, section 12.5.4); what cannot be parsed is skipped."""
    ranges = sorted(parse_accept_header(accept_language), key=lambda one: -one[1])
    for tag, quality in ranges:
        if tag == "*" or quality <= 0:
            break
        if found := known(tag):
            return found
    return otherwise


def current() -> str:
    """The language that is used here: of `in_language`, otherwise of the request's reader."""
    return _used.get() or (of_request() if has_request_context() else SOURCE)


def of_request() -> str:
    """The language of the request's reader: the one that the person has chosen, otherwise what the client accepts."""
    if "language" not in g:
        otherwise = current_app.config.get("DEFAULT_LANGUAGE", SOURCE)
        g.language = best(request.headers.get("Accept-Language", ""), otherwise)
    language: str = g.language
    return language


def choose(tag: str | None) -> None:
    """Answer the current request in the language that its reader has chosen, if it is one of ours."""
    if language := known(tag):
        g.language = language


@contextmanager
def in_language(language: str) -> Iterator[None]:
    """Texts, dates and amounts are in this language within the block, with or without a request."""
    token = _used.set(known(language) or SOURCE)
    try:
        yield
    finally:
        _used.reset(token)


def gettext(text: str, **values: object) -> str:
    """A text in the current language, with its placeholders, such as `%(name)s`, filled in."""
    found: str = translations(current()).gettext(text) if text else ""
    return found % values if values else found


def ngettext(one: str, many: str, count: int, **values: object) -> str:
    """The form of a text for this number, which is its placeholder `%(num)s`."""
    found: str = translations(current()).ngettext(one, many, count)
    return found % {"num": count, **values}


_ = gettext


def N_(text: str) -> str:  # noqa: N802  as gettext calls it
    """Marks a text of a table, which is translated where it is used."""
    return text


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language; that of English says everything as it was written."""
    from babel.support import NullTranslations

    if language == PSEUDO:
        return _pseudo()
    return NullTranslations() if language == SOURCE else _read(language)


def catalogue_of(language: str) -> Path:
    return CATALOGUES / locale_name(language) / "LC_MESSAGES" / f"{DOMAIN}.po"


def locale_name(language: str) -> str:
    return language.replace("-", "_")


def locale(language: str = "") -> Locale:
    """How dates are written in a language: the current one, if none is given."""
    return _locale(language or current())


@cache
def _locale(language: str) -> Locale:
    from babel import Locale

    return Locale.parse(LOCALES.get(language, locale_name(language)))


def for_scripts() -> dict[str, str]:
    """The current language's locales for `Intl`; digits as Babel writes them, which are Latin in every language."""
    dates, of_numbers = LOCALES.get(current(), current()), "ar" if current() == PSEUDO else current()
    return {name: f"{one.replace('_', '-')}-u-nu-latn" for name, one in (("dates", dates), ("numbers", of_numbers))}


def direction(language: str = "") -> str:
    """`ltr` or `rtl`, for HTML."""
    found: str = locale(language).text_direction
    return found


def _read(language: str) -> NullTranslations:
    """Compiled in memory: a file beside the source could be older than it."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    compiled = io.BytesIO()
    with catalogue_of(language).open("rb") as file:
        write_mo(compiled, read_po(file, locale_name(language)))
    compiled.seek(0)
    return Translations(compiled, DOMAIN)


def mirrored(text: str) -> str:
    """Each word from right to left, as the pseudo-locale ar-XB has them; placeholders and markup stay as they are."""
    return WORD.sub(lambda found: f"\u200f\u202e{found[0]}\u202c\u200f" if found["word"] else found[0], text)


WORD = re.compile(r"%\(\w+\)[sd]|%%|\{\w*\}|<[^>]*>|&\w+;|(?P<word>[^\W\d_]+)")


def _pseudo() -> NullTranslations:
    from babel.support import NullTranslations

    class Pseudo(NullTranslations):
        """Every text of the service, so that none can be missing."""

        def gettext(self, message: str) -> str:
            return mirrored(message)

        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            return mirrored(msgid1 if n == 1 else msgid2)

        def pgettext(self, context: str, message: str) -> str:  # noqa: ARG002
            return mirrored(message)

        def npgettext(self, context: str, singular: str, plural: str, num: int) -> str:  # noqa: ARG002
            return mirrored(singular if num == 1 else plural)

    return Pseudo()
