"""Formats amounts and times for the pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from dashboard.edit_fields import local_minute, readable
from dashboard.texts import text
from foundation import formats
from orders import money
from orders.schemas import bare


def moment(text: str) -> str:
    """An ISO 8601 time as `23 Nov, 14:32 UTC`; the page's script converts it to the browser's time zone."""
    return formats.moment(datetime.fromisoformat(text))


def day(text: str) -> str:
    """A date as `27 Nov`."""
    return formats.day(date.fromisoformat(text))


def amount(item: dict[str, Any]) -> int:
    """What a line costs, in minor units."""
    return money.line_minor(item["quantity"], item["unit_price_minor"])


def count_of_items(items: list[dict[str, Any]]) -> str:
    """`1 item`, `3 items`: a part of something, such as half a kilogram, is one; shipping and discounts are none."""
    counted = [item["quantity"] for item in items if item.get("kind", "item") == "item"]
    count = sum(quantity if isinstance(quantity, int) else 1 for quantity in counted)
    return text("item") if count == 1 else text("items", count=formats.number(count))


FILTERS = {
    "money": money.formatted,
    "moment": moment,
    "day": day,
    "number": formats.number,
    "amount": amount,
    "count_of_items": count_of_items,
    "bare": bare,
    "readable": readable,
    "local_minute": local_minute,
}
