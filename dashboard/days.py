"""The days between which orders were placed: where the reader is, a day begins at another moment than in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from foundation import formats
from orders.list_schemas import OrderFilters

DATES = {"placed_from": 0, "placed_until": 1}
"""Days to add to a date without a time, which means the whole day of the reader."""


def in_days(given: Mapping[str, str]) -> dict[str, str]:
    """A date without a time is a whole day where the reader is."""
    return {name: _moment(text, DATES[name]) if name in DATES else text for name, text in given.items()}


def _moment(text: str, later: int) -> str:
    try:
        day = date.fromisoformat(text) + timedelta(days=later)
        return datetime.combine(day, time(), _zone()).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return text


def days_of(query: OrderFilters) -> dict[str, str]:
    """The days that the fields show: the last one is within."""
    until = query.placed_until and query.placed_until - timedelta(microseconds=1)
    return {
        name: at.astimezone(_zone()).date().isoformat() if at else ""
        for name, at in (("placed_from", query.placed_from), ("placed_until", until))
    }


def _zone() -> tzinfo:
    name = formats.zone()
    return ZoneInfo(name) if name else UTC
