"""Bulk changes in a real browser: what is selected, or all that match; progress, partial results, and no scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsers import Visitors, fresh_number, needs_browser
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


@pytest.fixture
def orders(server: Server) -> list[Any]:
    """Three orders that are found by one word."""
    word = fresh_number()
    return [server.place_order(number=f"{word}-{n}", buyer_name=f"Bulk {word}") for n in range(3)]


def found(visitors: Visitors, orders: list[Any], **options: Any) -> Page:
    return visitors.signed_in("Bob", f"/seller/orders/list?q={orders[0]['buyer_name'].replace(' ', '+')}", **options)


def change(page: Page, status: str, count: int) -> None:
    page.get_by_label("New status").select_option(label=status)
    page.get_by_role("button", name=f"Change {count} orders").click()


def test_all_that_match_are_changed_and_the_page_follows(visitors: Visitors, orders: list[Any]) -> None:
    bob = found(visitors, orders)
    bob.get_by_role("link", name="Change all 3 that match…").click()
    expect(bob.get_by_text("3 orders match and will be changed.")).to_be_visible()

    change(bob, "Confirmed", 3)

    expect(bob.locator(".result")).to_contain_text("Done. 3 of 3 orders changed.")
    bob.goto("/inbox")
    bob.get_by_role("link", name="3 of 3 orders changed to Confirmed").first.click()
    expect(bob.get_by_role("heading", level=1)).to_have_text("Bulk change")


def test_selected_ones_are_changed_and_what_is_skipped_says_why(
    server: Server, visitors: Visitors, orders: list[Any]
) -> None:
    bob = found(visitors, orders)
    bob.get_by_label("All 3 on this page").check()
    expect(bob.locator("#bulk-count")).to_have_text("3")
    server.move(orders[1]["id"], "CANCELLED", reason="Sold out")
    bob.get_by_role("button", name="Change selected…").click()

    change(bob, "Confirmed", 3)

    expect(bob.locator(".result")).to_contain_text("Done. 2 of 3 orders changed. 1 skipped")
    expect(bob.locator(".skipped")).to_contain_text(f"#{orders[1]['number']} Cancelled")


def test_it_works_without_scripts(visitors: Visitors, orders: list[Any]) -> None:
    bob = found(visitors, orders, java_script_enabled=False)
    bob.get_by_label(f"Select order {orders[0]['number']}").check()
    bob.get_by_role("button", name="Change selected…").click()

    change(bob, "Confirmed", 1)

    expect(bob.get_by_role("heading", level=1)).to_have_text("Bulk change")


def test_what_has_changed_since_is_asked_about_again(server: Server, visitors: Visitors, orders: list[Any]) -> None:
    bob = found(visitors, orders, java_script_enabled=False)
    visitors.expected = re.compile("409")
    bob.get_by_role("link", name="Change all 3 that match…").click()
    server.place_order(number=fresh_number(), buyer_name=orders[0]["buyer_name"])

    change(bob, "Confirmed", 3)

    expect(bob.get_by_text("Other orders match by now.")).to_be_visible()
    expect(bob.get_by_role("button", name="Change 4 orders")).to_be_visible()
