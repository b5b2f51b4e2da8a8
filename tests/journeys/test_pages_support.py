"""Support in a real browser: from what a buyer says to the order, to why she got no e-mail, to acting for her."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.browsers import Visitors, needs_browser
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


def test_olive_finds_the_order_reads_why_and_acts_with_a_reason(server: Server, visitors: Visitors, order: Any) -> None:
    olive = visitors.signed_in("Olive", "/support")
    olive.get_by_role("searchbox", name="Find an order").fill(order["number"])
    olive.keyboard.press("Enter")

    expect(olive.get_by_role("heading", name=f"#{order['number']}")).to_be_visible()
    tree = olive.locator("#explained")
    expect(tree).to_contain_text("No mail server was configured when the change was made.")
    olive.get_by_label("New status").select_option(label="Confirmed")
    olive.get_by_label("Reason", exact=True).first.fill("The shop has phoned.")
    olive.get_by_role("button", name="Change the status").click()

    expect(olive.locator("#events")).to_contain_text("The shop has phoned.")
    expect(olive.locator("#events a[aria-current]")).to_have_text("Confirmed")
    expect(tree).to_contain_text("buyer:")


def test_the_page_of_an_order_fits_a_phone(server: Server, visitors: Visitors, order: Any) -> None:
    olive = visitors.signed_in("Olive", f"/support/orders/{order['id']}", viewport={"width": 320, "height": 640})

    assert olive.evaluate("document.documentElement.scrollWidth <= innerWidth")
