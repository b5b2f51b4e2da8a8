"""Letters: an e-mail from a template, as plain text and as HTML, in its reader's language and its shop's colours.

A letter has two templates in `templates/email`: `NAME.txt`, whose first line is `Subject: …`, and `NAME.html`, whose
styles are inlined, since mail clients drop style sheets; without the latter, the HTML shows the paragraphs of the text.
Nothing in it is loaded from anywhere: the logo is attached.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import css_inline
import jinja2
from babel.dates import format_date

from foundation import languages
from foundation.languages import _
from foundation.one_line import folded
from notifications.email import Image, Mail

TEMPLATES = Path(__file__).resolve().parents[1] / "templates" / "email"

SUBJECT = "Subject: "
PLAIN = "plain.html"
PARAGRAPHS = re.compile(r"\n\s*\n")
LOGO = re.compile(r"data:image/(png|jpeg|webp);base64,(.+)", re.DOTALL)
LOGO_NAME = "logo@onward"
COLOUR = re.compile(r"#[0-9a-f]{6}")
PLAIN_COLOUR = "#27445c"
"""For shops that have chosen none."""

LIGHT, DARK = "#ffffff", "#111820"

LINK = re.compile(r"://|www\.|[@/\\]|\w\.\w\w", re.IGNORECASE)
"""What mail clients turn into links: a scheme, an address, a domain with or without one."""

# No style sheet or anything else is fetched, whatever a template names.
INLINER = css_inline.CSSInliner(load_remote_stylesheets=False)


@dataclass(frozen=True)
class Shop:
    """How the shop in whose name a letter is sent presents itself: its profile, as far as it has one."""

    name: str = ""
    logo: str = ""
    """A data: URL."""

    colour: str = ""
    reply_to: str = ""

    @classmethod
    def of(cls, *profile: str | None) -> Shop:
        """From the columns of a profile, which may be NULL."""
        return cls(*(one or "" for one in profile))


@dataclass(frozen=True)
class Letter:
    """What is to be said, and to whom."""

    to: str
    language: str
    """BCP 47; anything that there is no catalogue for is written in English."""

    template: str
    values: Mapping[str, Any]
    """What the template shows; texts that other people chose are shown as text, on one line where they stand on one."""

    event_id: str
    """What it is about and for whom, in words for a Message-ID: every attempt and every process says the same."""

    thread: str = ""
    """What its conversation is about, such as `order.17`; mail clients show the letters of one together."""

    shop: Shop = field(default_factory=Shop)
    unsubscribe: str = ""
    """The address at which its reader ends e-mails of its kind with one click; empty if that cannot be ended."""


def template_folders(operators: Path | None) -> tuple[Path, ...]:
    """Where templates are looked for: in the folder of the operator's, if there is one, and then among ours."""
    return (operators / TEMPLATES.name, TEMPLATES) if operators else (TEMPLATES,)


class Letters:
    """Makes e-mails of letters."""

    def __init__(self, folders: Sequence[Path] = (TEMPLATES,)) -> None:
        """`folders`: where templates are looked for, the first one first."""
        self.environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([str(one) for one in folders]),
            autoescape=jinja2.select_autoescape(("html",), default=False),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        languages.install(self.environment)
        self.environment.filters["day"] = _written_day

    def mail(self, letter: Letter) -> Mail:
        """The e-mail; raises jinja2.TemplateError if a template shows what it was not given."""
        with languages.in_language(letter.language):
            return self._mail(letter)

    def _mail(self, letter: Letter) -> Mail:
        logo = _attached(letter.shop.logo)
        values = {"link": "", **letter.values, "unsubscribe": letter.unsubscribe}
        head, _, text = self.environment.get_template(f"{letter.template}.txt").render(values).partition("\n")
        subject = folded(head.removeprefix(SUBJECT))
        frame = {
            "subject": subject,
            "paragraphs": _paragraphs(text, letter.unsubscribe),
            "shop": letter.shop,
            "logo": logo.name if logo else "",
            **_colours(letter.shop.colour),
        }
        html = self.environment.select_template([f"{letter.template}.html", PLAIN]).render(values | frame)
        return Mail(
            letter.to,
            subject,
            text.strip() + "\n",
            letter.event_id,
            (letter.shop.name, letter.shop.reply_to) if letter.shop.reply_to else None,
            html=INLINER.inline(html),
            images=(logo,) if logo else (),
            thread=letter.thread,
            unsubscribe=letter.unsubscribe,
        )


def greeting(name: str) -> str:
    """The first line. The name is chosen by the buyer, and the e-mail carries our sender address: it is one line, and a
    name that a mail client would turn into a link is omitted."""
    name = folded(name)
    return _("Hello %(name)s,", name=name) if name and not LINK.search(name) else _("Hello,")


def _paragraphs(text: str, unsubscribe: str) -> list[str]:
    """Those of the text, without the one that the frame has too."""
    found = PARAGRAPHS.split(text.strip())
    return [one for one in found if not unsubscribe or unsubscribe not in one]


def _written_day(day: date) -> str:
    """A date as `1 December 2026`, in the words of the language."""
    return format_date(day, "long", languages.locale())


def _colours(colour: str) -> dict[str, str]:
    """The shop's colour, and white or black for what is written on it, whichever is easier to read."""
    colour = colour if COLOUR.fullmatch(colour) else PLAIN_COLOUR
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > 150  # Rec. 601 luma
    return {"colour": colour, "ink": DARK if bright else LIGHT}


def _attached(logo: str) -> Image | None:
    """The logo, as an image that travels with the e-mail; None if there is none that could."""
    match = LOGO.fullmatch(logo)
    if match is None:
        return None
    try:
        return Image(LOGO_NAME, match[1], base64.b64decode(match[2], validate=True))
    except binascii.Error:
        return None
