"""How amounts and times are formatted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard import formatters
from foundation import clock


def test_a_moment_is_written_in_utc_and_with_its_year_if_that_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could see whether a link's page spoke of last November or of this one."""
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 27, tzinfo=UTC))

    assert "23 Nov, 14:32 UTC" == formatters.moment("2026-11-23T15:32:10.123456+01:00")
    assert "23 Nov 2025, 14:32 UTC" == formatters.moment("2025-11-23T15:32:10.123456+01:00")


@pytest.mark.parametrize(("quantities", "expected"), [([1], "1 item"), ([2, 1], "3 items"), ([], "0 items")])
def test_items_are_counted_by_their_quantity(quantities: list[int], expected: str) -> None:
    assert expected == formatters.count_of_items([{"quantity": quantity} for quantity in quantities])


def test_a_part_of_something_is_one_item_and_shipping_is_none() -> None:
    items = [{"quantity": 0.25}, {"quantity": 2, "kind": "item"}, {"quantity": 1, "kind": "shipping"}]

    assert "3 items" == formatters.count_of_items(items)
