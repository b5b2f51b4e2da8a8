"""Takes the live events out of a row of the log, which holds those of one change: a pack.

The seller's and the buyer's events of a change repeat the order, the event and the times. A pack has each piece of text
once, and a recipe that says how its events are put together, in the order of their numbers:

    order.status_changed 0 0.1.3;order.status_changed 1 0.2.3;message.created 0 4.5

is `type side pieces`: the first event is for the first of the pack's channels and consists of the pieces 0, 1 and 3. A
pack takes a number for each event and has the last itself, so ids and cursors know nothing of it: a cursor may lie
inside. A row of the earlier form is one event: its recipe is the type, its only piece the data.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from foundation.connections import Row
from realtime.channel_index import ALL

SEPARATOR = "\x1e"
"""Between pieces: a character that JSON text cannot contain (RFC 8259, section 7)."""

SEQ, CHANNEL, OTHER, RECIPE, PIECES = range(5)
"""The columns of a row as all statements return it."""

RECIPES = 1024
"""Recipes that are remembered: there is one for each combination of effects, in all some dozens."""

Event = tuple[int, str, str, str]
"""Its number, channel, type, and data as JSON text."""


class Part(NamedTuple):
    """One event of a recipe."""

    behind: int
    """How many events of the pack come after it."""

    column: int
    """The column of the row that has its channel."""

    type: str
    pieces: tuple[int, ...]


@lru_cache(RECIPES)
def parts_of(recipe: str) -> tuple[Part, ...]:
    """The events of a recipe, in the order of their numbers."""
    if " " not in recipe:
        return (Part(0, CHANNEL, recipe, (0,)),)
    found = []
    entries = recipe.split(";")
    for behind, entry in zip(reversed(range(len(entries))), entries, strict=True):
        type, side, pieces = entry.split(" ")
        found.append(Part(behind, CHANNEL + int(side), type, tuple(int(one) for one in pieces.split("."))))
    return tuple(found)


def events(row: Row, channels: Container[str], after: int = -1) -> Iterator[Event]:
    """The events of a row on these channels whose numbers are above `after`, in order."""
    seq, pieces = row[SEQ], row[PIECES].split(SEPARATOR)
    for behind, column, type, needed in parts_of(row[RECIPE]):
        if row[column] in channels and seq - behind > after:
            yield seq - behind, row[column], type, "".join([pieces[one] for one in needed])


def channels_of(row: Row) -> tuple[str, ...]:
    """The one or two channels of a row."""
    return (row[CHANNEL],) if row[OTHER] is None else (row[CHANNEL], row[OTHER])


def first_of(row: Row) -> int:
    """The number of its first event; its own is that of the last."""
    first: int = row[SEQ] - parts_of(row[RECIPE])[0].behind
    return first


class WithPrefix:
    """All channels with a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __contains__(self, channel: object) -> bool:
        return isinstance(channel, str) and channel.startswith(self._prefix)


def matching(channels: Sequence[str]) -> Container[str]:
    """Those channels, or all that match the one with a `*`."""
    return WithPrefix(channels[0].removesuffix(ALL)) if channels[0].endswith(ALL) else channels
