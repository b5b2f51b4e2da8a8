"""Formats amounts and times for the pages."""

from __future__ import annotations

from datetime import UTC, datetime

from dashboard.messages import TEXTS, text

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CHF": "CHF ", "SEK": "SEK ", "PLN": "PLN "}
NO_PLACES = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_PLACES = "BHD IQD JOD KWD LYD OMR TND"
DIGITS = {
    currency: places
    for places, currencies in ((0, NO_PLACES), (3, THREE_PLACES), (4, "CLF UYW"))
    for currency in currencies.split()
}
"""Decimal places of a currency (ISO 4217) if there are not two."""


def money(minor: int, currency: str) -> str:
    """An amount in minor units as people write it: `€1,084.50`."""
    digits = DIGITS.get(currency, 2)
    whole, rest = divmod(minor, 10**digits)
    return SYMBOLS.get(currency, f"{currency} ") + f"{whole:,}" + (f".{rest:0{digits}}" if digits else "")


def moment(text: str) -> str:
    """An ISO 8601 time as `23 Nov, 14:32 UTC`; the page's script converts it to the reader's time zone."""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at.day} {at:%b, %H:%M} UTC"


def count_of_items(items: list[dict[str, int]]) -> str:
    """`1 item`, `3 items`."""
    count = sum(item["quantity"] for item in items)
    return text("item") if count == 1 else text("items", count=f"{count:,}")


FILTERS = {"money": money, "moment": moment, "count_of_items": count_of_items}
FOR_SCRIPTS = {"texts": TEXTS, "symbols": SYMBOLS, "digits": DIGITS}
"""What the page's script formats by, so that a text or a currency is written in one place."""
