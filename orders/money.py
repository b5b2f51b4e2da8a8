"""Amounts in minor units: what a line costs, and how an amount is written in its currency's own digits."""

from __future__ import annotations

from foundation import formats

NO_PLACES = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_PLACES = "BHD IQD JOD KWD LYD OMR TND"
DIGITS = {
    currency: places
    for places, currencies in ((0, NO_PLACES), (3, THREE_PLACES), (4, "CLF UYW"))
    for currency in currencies.split()
}
"""Decimal places of a currency (ISO 4217) if there are not two."""


def line_minor(quantity: float, unit_price_minor: int) -> int:
    """The amount of a line, rounded half away from zero to whole minor units, as invoices are.

    Computed in thousandths, which a quantity has at most: as floats, 1.005 × 100 is 100.49999.
    """
    thousandths = round(quantity * 1000) * unit_price_minor
    whole = (abs(thousandths) + 500) // 1000
    return whole if thousandths >= 0 else -whole


def formatted(minor: int, currency: str) -> str:
    """An amount in minor units as the current language writes it: `€1,084.50`, `1.084,50 €`."""
    return formats.amount(minor, currency, DIGITS.get(currency, 2))
