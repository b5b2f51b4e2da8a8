"""The pages in a real browser, in German and from right to left."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from foundation.languages import PSEUDO
from tests.journeys.browsers import PHONE, Visitors, fresh_number, in_column, needs_browser
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


def test_a_page_and_its_script_are_in_the_readers_language(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", locale="de-DE")
    expect(bob.get_by_role("heading", level=1)).to_have_text("Bestellungen")

    bob.get_by_role("button", name=f"Bestätigen, Bestellung {order['number']}").click()

    expect(in_column(bob, "CONFIRMED", order)).to_contain_text("gerade eben")
    expect(bob.locator("#say")).to_have_text(f"Bestellung #{order['number']} ist jetzt „Bestätigt“.")
    expect(bob.locator("#zone")).to_contain_text("Zeiten in ")


def test_no_page_overflows_from_right_to_left(server: Server, visitors: Visitors, order: Any) -> None:
    """Each word of these pages is turned round, so that what was made for one direction only shows."""
    of_bob = ["/seller/orders", "/settings", "/seller/orders/list", f"/seller/orders/{order['id']}", "/inbox"]
    of_alice = ["/buyer/orders", f"/buyer/orders/{order['id']}"]
    anyones = ["/sign-in", server.tracking_link(order["id"]), "/nowhere"]
    visitors.expected = re.compile("404")
    sent_back = server.place_order(number=fresh_number())["id"]
    for status in ("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED"):
        server.move(sent_back, status)
    server.move(sent_back, "RETURN_REQUESTED", "buyer", reason="Too small")  # one column more than the usual ones

    for page, paths in (
        (visitors.signed_in("Bob"), of_bob),
        (visitors.signed_in("Alice"), of_alice),
        (visitors.guest(), anyones),
    ):
        page.set_extra_http_headers({"Accept-Language": PSEUDO})
        assert {} == {path: wide for path in paths if (wide := too_wide(page, path))}


TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.getBoundingClientRect().left < 0 || one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.outerHTML.slice(0, 200))"""
"""What sticks out, for whoever reads the failure; much of it may do so, inside of what scrolls."""


def too_wide(page: Page, path: str) -> list[str]:
    """What makes the page wider than its window, on a phone and on a desk."""
    found: list[str] = []
    for size in (PHONE, {"width": 1280, "height": 800}):
        page.set_viewport_size(size)
        page.goto(path)
        assert "rtl" == page.evaluate("document.dir")
        if (width := page.evaluate("document.documentElement.scrollWidth")) != size["width"]:
            found += [f"{width} px", *page.evaluate(TOO_WIDE)]
    return found
