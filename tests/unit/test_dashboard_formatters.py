"""How amounts and times are formatted."""

from __future__ import annotations

import pytest

from dashboard import formatters


def test_a_moment_is_written_in_utc() -> None:
    assert "23 Nov, 14:32 UTC" == formatters.moment("2025-11-23T15:32:10.123456+01:00")


@pytest.mark.parametrize(("quantities", "expected"), [([1], "1 item"), ([2, 1], "3 items"), ([], "0 items")])
def test_items_are_counted_by_their_quantity(quantities: list[int], expected: str) -> None:
    assert expected == formatters.count_of_items([{"quantity": quantity} for quantity in quantities])


def test_a_part_of_something_is_one_item_and_shipping_is_none() -> None:
    items = [{"quantity": 0.25}, {"quantity": 2, "kind": "item"}, {"quantity": 1, "kind": "shipping"}]

    assert "3 items" == formatters.count_of_items(items)
