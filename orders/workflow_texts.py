"""The texts of a workflow table, which are for every language (`seller = "New"`) or by language (`seller.de = "Neu"`).

A table is read once for each language, with the texts of that language in their places.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pydantic

from foundation.languages import OFFERED, PSEUDO, SOURCE, mirrored
from orders.workflow_notices import Text
from orders.workflow_problems import Place

NUMBER = "{number}"
"""What a notice may contain: the order's number."""

PLACEHOLDER = re.compile(r"\{\w+\}")
IS_TEXT = pydantic.TypeAdapter(Text)


def problems_of_texts(table: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Each mistake with its place; half a table in one language and half in another would make such e-mails."""
    texts = [(place, holder[key]) for place, holder, key in _places(table)]
    by_language = [(place, one) for place, one in texts if isinstance(one, dict)]
    languages = {language for _, one in by_language for language in one if language in OFFERED} or {SOURCE}
    found: list[tuple[Place, str]] = []
    for place, one in by_language:
        found += _problems_of_languages(place, one, languages)
    for place, one in texts:
        parts = one.items() if isinstance(one, dict) else [(None, one)]
        for language, text in parts:
            found += _problems_of_placeholders((*place, language) if language else place, str(text))
    for place, why in found:
        yield place, f"{_name(table, place)}: {why}"


def _problems_of_languages(place: Place, texts: Mapping[str, Any], languages: set[str]) -> Iterator[tuple[Place, str]]:
    for language, text in texts.items():
        if language not in OFFERED:
            yield (*place, language), f"there is no such language; there are {', '.join(OFFERED)}"
            continue
        try:
            IS_TEXT.validate_python(text)
        except pydantic.ValidationError as error:
            yield (*place, language), error.errors()[0]["msg"]
    for language in sorted(languages - texts.keys()):
        yield place, f"{language} is missing, which other texts have"


def _problems_of_placeholders(place: Place, text: str) -> Iterator[tuple[Place, str]]:
    known = {NUMBER} if "notify" in place else set()
    for unknown in sorted(set(PLACEHOLDER.findall(text)) - known):
        yield place, f"{unknown} is unknown: {f'only {NUMBER}' if known else 'nothing'} is filled in here"


def in_language(table: Mapping[str, Any], language: str, otherwise: str) -> dict[str, Any]:
    """The table with the texts of a language; if it has none of it, with those of the other one throughout."""
    copied = copy.deepcopy(dict(table))
    for _, holder, key in _places(copied):
        text = holder[key]
        if isinstance(text, dict):
            text = next((text[one] for one in (language, otherwise, SOURCE, *OFFERED) if one in text), "")
        holder[key] = mirrored(text) if language == PSEUDO and isinstance(text, str) else text
    return copied


def _places(table: Mapping[str, Any]) -> Iterator[tuple[Place, dict[str, Any], str]]:
    """Where the texts stand: their places, and the tables that hold them, whatever else is wrong with those."""
    for name, status in _tables(table.get("statuses")):
        yield from _texts(("statuses", name), status, "seller", "buyer", "action", "lead")
        yield from _notices(("statuses", name), status)
    for name, event in _tables(table.get("events")):
        yield from _notices(("events", name), event)
    for number, one in enumerate(found if isinstance(found := table.get("transitions"), list) else ()):
        if isinstance(one, dict):
            yield from _texts(("transitions", number), one, "action")


def _tables(found: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(name, one) for name, one in found.items() if isinstance(one, dict)] if isinstance(found, dict) else []


def _notices(place: Place, holder: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any], str]]:
    if isinstance(notify := holder.get("notify"), dict):
        yield from _texts((*place, "notify"), notify, "seller", "buyer")


def _texts(place: Place, holder: dict[str, Any], *keys: str) -> Iterator[tuple[Place, dict[str, Any], str]]:
    yield from (((*place, key), holder, key) for key in keys if key in holder)


def _name(table: Mapping[str, Any], place: Place) -> str:
    """`status READY: notify.buyer`."""
    kind, name, *keys = place
    whose = {"statuses": f"status {name}"}.get(str(kind), str(name))
    if kind == "transitions" and isinstance(name, int):
        one = table["transitions"][name]
        whose = f"transition {one.get('from')} to {one.get('to')}"
    return f"{whose}: {'.'.join(map(str, keys))}"
