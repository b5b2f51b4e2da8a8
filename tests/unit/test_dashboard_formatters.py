"""How amounts and times are formatted."""

from __future__ import annotations

import pytest

from dashboard import formatters


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (0, "EUR", "€0.00"),
        (5, "EUR", "€0.05"),
        (108450, "EUR", "€1,084.50"),
        (1084, "JPY", "¥1,084"),
        (1084500, "KWD", "KWD 1,084.500"),
        (5000, "XOF", "XOF 5,000"),
        (100, "XXX", "XXX 1.00"),
    ],
)
def test_an_amount_has_its_currencys_digits(minor: int, currency: str, expected: str) -> None:
    assert expected == formatters.money(minor, currency)


def test_a_moment_is_written_in_utc() -> None:
    assert "23 Nov, 14:32 UTC" == formatters.moment("2025-11-23T15:32:10.123456+01:00")


@pytest.mark.parametrize(("quantities", "expected"), [([1], "1 item"), ([2, 1], "3 items"), ([], "0 items")])
def test_items_are_counted_by_their_quantity(quantities: list[int], expected: str) -> None:
    assert expected == formatters.count_of_items([{"quantity": quantity} for quantity in quantities])
