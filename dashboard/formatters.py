"""Formats amounts and times for the pages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from dashboard.messages import TEXTS, text
from orders import money
from orders.schemas import bare


def moment(text: str) -> str:
    """An ISO 8601 time as `23 Nov, 14:32 UTC`; the page's script converts it to the reader's time zone."""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at.day} {at:%b, %H:%M} UTC"


def day(text: str) -> str:
    """A date as `27 Nov`."""
    at = date.fromisoformat(text)
    return f"{at.day} {at:%b}"


def amount(item: dict[str, Any]) -> int:
    """What a line costs, in minor units."""
    return money.line_minor(item["quantity"], item["unit_price_minor"])


def count_of_items(items: list[dict[str, Any]]) -> str:
    """`1 item`, `3 items`: a part of something, such as half a kilogram, is one; shipping and discounts are none."""
    counted = [item["quantity"] for item in items if item.get("kind", "item") == "item"]
    count = sum(quantity if isinstance(quantity, int) else 1 for quantity in counted)
    return text("item") if count == 1 else text("items", count=f"{count:,}")


FILTERS = {
    "money": money.formatted,
    "moment": moment,
    "day": day,
    "amount": amount,
    "count_of_items": count_of_items,
    "bare": bare,
}
FOR_SCRIPTS = {"texts": TEXTS, "symbols": money.SYMBOLS, "digits": money.DIGITS}
"""What the page's script formats by, so that a text or a currency is written in one place."""
