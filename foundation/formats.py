"""Dates, numbers and amounts as the current language writes them, and in the time zone of the reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from flask import g, has_request_context

from foundation import clock, languages

DAY, DAY_OF_YEAR = "MMMd", "yMMMd"
MINUTE = "Hm"
"""Skeletons of CLDR: which parts a date has; the language says in which order, and with what between them."""

LETTER_BEFORE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")
"""Where CLDR has a space (`currencySpacing`), which Babel leaves out: `CHF 5`, but `€5`."""

_zone: ContextVar[str | None] = ContextVar("time zone", default=None)


@contextmanager
def in_zone(name: str | None) -> Iterator[None]:
    """Times are those of this zone (IANA) within the block; None for UTC, which is then named."""
    token = _zone.set(name)
    try:
        yield
    finally:
        _zone.reset(token)


def zone() -> str | None:
    """The time zone that the reader has chosen, if any."""
    return _zone.get() or (g.get("time_zone") if has_request_context() else None)


def choose_zone(name: str | None) -> None:
    """Answer the current request in this time zone."""
    g.time_zone = name


def moment(at: datetime) -> str:
    """`23 Nov, 14:32`, with the year if it is another; in UTC, and with its name, for a reader whose zone is not
    known."""
    name = zone()
    local: tzinfo = ZoneInfo(name) if name else UTC
    there = at.astimezone(local)
    time = dates.format_skeleton(MINUTE, there.replace(tzinfo=None), locale=languages.locale())
    another_year = there.year != clock.now().astimezone(local).year
    return f"{day(there.date(), another_year)}, {time}" + ("" if name else " UTC")


def day(on: date, with_year: bool = False) -> str:
    """`27 Nov`."""
    return str(dates.format_skeleton(DAY_OF_YEAR if with_year else DAY, on, locale=languages.locale()))


def long_day(on: date) -> str:
    """`1 December 2026`."""
    return str(dates.format_date(on, "long", locale=languages.locale()))


def month(first: date) -> str:
    """`November 2026`."""
    return str(dates.format_skeleton("yMMMM", first, locale=languages.locale()))


def number(count: float) -> str:
    """`1,084`."""
    return str(numbers.format_decimal(count, locale=_numbers()))


def amount(minor: int, currency: str, digits: int) -> str:
    """`€1,084.50`: an amount in minor units with its currency's digits. As `money` in static/paint.js."""
    places = _numbers()
    pattern = numbers.parse_pattern(places.currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    written = pattern.apply(Decimal(minor).scaleb(-digits), places, currency=currency, currency_digits=False)
    # No currency, XXX (ISO 4217), is written as browsers write it.
    return LETTER_BEFORE_DIGIT.sub("\N{NO-BREAK SPACE}", written.replace("\N{CURRENCY SIGN}", "XXX"))


def _numbers() -> Locale:
    """How numbers are written. Not that of dates: in Britain a dollar is `US$`."""
    language = languages.current()
    return Locale.parse("ar" if language == languages.PSEUDO else languages.locale_name(language))
