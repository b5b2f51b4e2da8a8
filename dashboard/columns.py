"""What the board shows: pages of the columns of open orders, and the orders that were closed last."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from access.principal import Principal
from dashboard.context import PageContext
from dashboard.flags import FlagsOfMany, flags_of, shops_of
from foundation.contract import ID_DIGITS, LARGEST_ID
from foundation.errors import InvalidRequest
from foundation.languages import N_
from orders import board
from orders.board import Stretch

PAGE_CARDS = 50
"""Cards of a page of a column; more are shown when they are asked for."""

FILLED_CARDS = 200
"""Cards of a page that another one follows: orders may come back to where it was cut off."""

CLOSED_CARDS = 8

DIGITS = rf"[1-9][0-9]{{0,{ID_DIGITS - 1}}}"
STRETCH = re.compile(rf"([A-Z][A-Z0-9_]{{0,63}})(?:\.(0|{DIGITS})(?:-({DIGITS}))?)?")
"""`STATUS`, `STATUS.AFTER` or `STATUS.AFTER-UNTIL`: what a page of a column is called."""

_Row = dict[str, Any]


@dataclass(frozen=True)
class ColumnPage:
    """Part of a column."""

    stretch: Stretch
    orders: list[_Row]
    more: bool

    @property
    def range(self) -> str:
        """The ids of the orders that may be on it: those after the first, up to the second."""
        until = "" if self.stretch.until == LARGEST_ID else self.stretch.until
        return f"{self.stretch.after}-{until}"

    @property
    def cut(self) -> str:
        """The name of this page, once another one follows it."""
        return f"column:{self.stretch.status}.{self.stretch.after}-{self.orders[-1]['id']}"

    @property
    def following(self) -> str:
        """The argument of the page that follows it."""
        end = "" if self.stretch.until == LARGEST_ID else f"-{self.stretch.until}"
        return f"{self.stretch.status}.{self.orders[-1]['id']}{end}"


@dataclass(frozen=True)
class Board:
    """A seller's, or everybody's, orders by status, as far as they are shown."""

    pages: Mapping[str, ColumnPage]
    """By the argument of their part."""

    closed: list[_Row]
    counts: Mapping[str, int]
    """The number of open orders in each status that has any."""

    flags: FlagsOfMany
    shops: Mapping[int, str]
    """The names of shops, where orders of several are shown."""

    @property
    def open_count(self) -> int:
        return sum(self.counts.values())

    @property
    def orders(self) -> list[_Row]:
        return [order for one in self.pages.values() for order in one.orders] + self.closed


def read_board(context: PageContext, principal: Principal, columns: Sequence[str], closed: bool, counts: bool) -> Board:
    """These pages of columns, and what else is shown; the rest is not read. Raises InvalidRequest."""
    view, workflow = context.view(principal.role), context.workflow
    stretches = [_stretch(one, view.open) for one in columns]
    found = zip(columns, stretches, board.pages(workflow, principal, stretches), strict=True)
    pages = {
        name: ColumnPage(where, [orjson.loads(text) for text in one.orders], one.more) for name, where, one in found
    }
    last = board.last_closed(workflow, principal, CLOSED_CARDS) if closed else []
    # The table may have been replaced: there is no label for an order that was closed under another one.
    done = [order for order in map(orjson.loads, last) if order["status"] in view.labels]
    shown = [order for one in pages.values() for order in one.orders] + done
    counted = board.open_counts(principal) if counts else {}
    return Board(pages, done, counted, flags_of(principal, shown), shops_of(principal, shown))


def _stretch(argument: str, statuses: Collection[str]) -> Stretch:
    match = STRETCH.fullmatch(argument)
    if match is None or match[1] not in statuses:
        raise InvalidRequest(N_("There is no such part of the page."))
    after, until = int(match[2] or 0), min(int(match[3] or LARGEST_ID), LARGEST_ID)
    return Stretch(match[1], after, until, PAGE_CARDS if match[3] is None else FILLED_CARDS)
