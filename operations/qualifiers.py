"""What one types into a single box, as in `kind:email error:timeout order:1042`: read into a selection.

All words have to hold; one without a qualifier is looked for in the errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pydantic

from foundation.contract import LARGEST_ID, Moment
from foundation.errors import InvalidRequest
from operations.selection import Selection
from side_effects.models import STATUSES

MOST_CHARACTERS = 500

STATES = {status: status for status in STATUSES} | {"waiting": "pending", "done": "succeeded"}
"""What may follow `state:`."""

WORD = re.compile(r'(?:([a-z]+):)?(?:"([^"]*)"|([^\s"]+))')

MOMENTS: pydantic.TypeAdapter[datetime] = pydantic.TypeAdapter(Moment)

OrdersNamed = Callable[[str], Sequence[int]]
"""The ids of the orders with this id or number."""


class Qualifiers:
    """Reads them; the numbers of orders are known elsewhere."""

    def __init__(self, orders_named: OrdersNamed) -> None:
        self._orders_named = orders_named
        self._readers: Mapping[str, Callable[[str], dict[str, Any]]] = {
            "kind": lambda word: {"family": word},
            "error": lambda word: {"error": word},
            "order": lambda word: {"orders": tuple(self._orders_named(word.removeprefix("#")))},
            "state": lambda word: {"status": _one_of(STATES, "state", word)},
            "shop": lambda word: {"shop": _number("shop", word)},
            "destination": lambda word: {"destination": word},
            "attempts": lambda word: {"attempts": _number("attempts", word.lstrip(">="))},
            "request": lambda word: {"request": word},
            "id": lambda word: {"ids": tuple(_number("id", one) for one in word.split(","))},
            "group": lambda word: {"fingerprint": word},
            "since": lambda word: {"since": _moment("since", word)},
            "until": lambda word: {"until": _moment("until", word)},
        }

    def read(self, typed: str) -> Selection:
        """The selection; raises InvalidRequest naming what is not understood."""
        if "\0" in typed or len(typed) > MOST_CHARACTERS:
            raise InvalidRequest(f"q: at most {MOST_CHARACTERS} characters, without NUL.")
        given: dict[str, Any] = {}
        for name, word in _words(typed):
            if name not in self._readers:
                raise InvalidRequest(f"q: there is no qualifier {name[:40]}; there are {', '.join(self._readers)}.")
            if not word:
                raise InvalidRequest(f"q: {name} has no value.")
            found = self._readers[name](word)
            if found.keys() & given.keys():
                raise InvalidRequest(f"q: {name} is given twice.")
            given |= found
        return Selection(**given)


def _words(typed: str) -> list[tuple[str, str]]:
    """Pairs of qualifier and value; what has no qualifier is one text, for the errors. Raises InvalidRequest."""
    parts = [(match[1] or "", match[2] if match[2] is not None else match[3]) for match in WORD.finditer(typed)]
    if WORD.sub("", typed).strip():
        raise InvalidRequest("q: a quotation mark is missing.")
    plain = " ".join(word for name, word in parts if not name)
    return [part for part in parts if part[0]] + ([("error", plain)] if plain else [])


def _one_of(words: Mapping[str, str], name: str, word: str) -> str:
    if word not in words:
        raise InvalidRequest(f"q: {name} is one of {', '.join(words)}.")
    return words[word]


def _number(name: str, word: str) -> int:
    if not (word.isascii() and word.isdigit()) or not 1 <= int(word[:20]) <= LARGEST_ID:
        raise InvalidRequest(f"q: {name} is a whole number from 1 on.")
    return int(word)


def _moment(name: str, word: str) -> str:
    try:
        return MOMENTS.validate_python(word).isoformat()
    except pydantic.ValidationError as error:
        raise InvalidRequest(f"q: {name} is a date, or a date and a time such as 2026-01-31T12:00:00Z.") from error
