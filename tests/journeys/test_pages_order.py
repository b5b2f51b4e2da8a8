"""An order's page in a real browser: shipping, parcels, one order beside the board, links, paper."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsers import PHONE, Visitors, card, fresh_number, needs_browser, never_reloaded, press
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

WIDE = {"width": 1280, "height": 800}


@pytest.fixture
def packed(server: Server, order: Any) -> Any:
    for status in ("CONFIRMED", "PREPARING", "READY"):
        server.move(order["id"], status)
    return order


def parcels(server: Server, order: Any) -> Any:
    return server.sql(f"SELECT tracking ->> 'number' FROM orders WHERE id = {order['id']}")


def ship(page: Page, order: Any, number: str) -> None:
    in_sight = page.locator("#next")
    in_sight.get_by_label("Carrier").fill("DHL")
    in_sight.get_by_label("Number").fill(number)
    in_sight.get_by_role("button", name=f"Mark shipped, order {order['number']}").click()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_order_is_shipped_and_its_parcel_corrected_afterwards(
    server: Server, visitors: Visitors, packed: Any, scripts: bool
) -> None:
    bob = visitors.signed_in("Bob", f"/seller/orders/{packed['id']}", java_script_enabled=scripts)
    same = never_reloaded(bob) if scripts else lambda: True
    ship(bob, packed, "WRONG")
    expect(bob.locator("#hero .badge")).to_have_text("Shipped")
    expect(bob.locator("#parcel-list")).to_contain_text("WRONG")

    bob.locator("#parcels").get_by_text("Correct", exact=True).click()
    correction = bob.locator(".parcel-form")
    correction.get_by_label("Number").fill("JD01")
    correction.get_by_role("button", name="Save").click()

    expect(bob.locator("#parcel-list .code")).to_have_text("JD01")
    expect(bob.locator("#history")).to_contain_text("Changed: parcels")
    assert [("JD01",)] == parcels(server, packed)
    assert same()


def test_what_was_typed_stays_when_a_colleague_was_faster_and_may_be_done_anyway(
    server: Server, visitors: Visitors, order: Any
) -> None:
    visitors.expected = re.compile("412|ERR_FAILED")
    bob = visitors.signed_in("Bob", f"/seller/orders/{order['id']}")
    bob.route("**/api/stream*", lambda route: route.abort())
    bob.route("**/api/events*", lambda route: route.abort())
    bob.reload()
    server.move(order["id"], "CONFIRMED")
    bob.locator("#next").get_by_label(re.compile("More for order|Choose")).first.click()
    bob.locator("#next").get_by_label("Reason").first.fill("Out of stock")
    bob.get_by_role("button", name=f"Cancel order, order {order['number']}").click()

    expect(bob.locator("#next .form-error")).to_contain_text("changed this order to “Confirmed” before you.")
    bob.wait_for_load_state("networkidle")  # what was refused made the page old; it is drawn again
    press(bob.get_by_role("button", name="Do it anyway"), bob.locator("#hero .badge", has_text="Cancelled"))

    expect(bob.locator("#history")).to_contain_text("Out of stock")


def test_one_order_after_the_other_beside_the_board_by_keyboard(server: Server, visitors: Visitors) -> None:
    orders = [server.place_order(number=fresh_number()) for _ in range(2)]
    bob = visitors.signed_in("Bob", viewport=WIDE)
    same = never_reloaded(bob)
    first, second = (card(bob, one).locator(".number") for one in orders)
    first.scroll_into_view_if_needed()
    before = bob.evaluate("scrollY")

    first.focus()
    bob.keyboard.press("Enter")
    panel = bob.locator("#beside")
    expect(panel.get_by_role("heading", level=1)).to_have_text(f"#{orders[0]['number']}")
    expect(bob).to_have_url(re.compile(f"/seller/orders/{orders[0]['id']}$"))
    bob.keyboard.press("j")
    expect(panel.get_by_role("heading", level=1)).to_have_text(f"#{orders[1]['number']}")
    bob.keyboard.press("k")
    expect(panel.get_by_role("heading", level=1)).to_have_text(f"#{orders[0]['number']}")
    panel.get_by_role("button", name=f"Confirm, order {orders[0]['number']}").click()
    expect(panel.locator(".badge").first).to_have_text("Confirmed")

    bob.keyboard.press("Escape")

    expect(panel).to_have_count(0)
    expect(bob).to_have_url(re.compile("/seller/orders$"))
    assert before == bob.evaluate("scrollY")
    assert same()
    expect(second).to_be_visible()


def test_an_order_beside_the_board_is_live_and_a_reload_shows_its_page(
    server: Server, visitors: Visitors, order: Any
) -> None:
    bob = visitors.signed_in("Bob", viewport=WIDE)
    card(bob, order).locator(".number").click()
    panel = bob.locator("#beside")
    expect(panel.locator(".badge").first).to_have_text("New")
    bob.mouse.move(2, 2)

    server.move(order["id"], "CONFIRMED")
    expect(panel.locator(".badge").first).to_have_text("Confirmed")
    expect(bob.locator("#say")).to_contain_text("Confirmed, by Operator")
    bob.reload()

    expect(panel).to_have_count(0)
    expect(bob.get_by_role("heading", level=1)).to_have_text(f"#{order['number']}")


def test_a_phone_shows_the_page_itself_with_all_its_fields(visitors: Visitors, packed: Any) -> None:
    bob = visitors.signed_in("Bob", f"/seller/orders/{packed['id']}", viewport=PHONE, has_touch=True, is_mobile=True)
    bob.locator("#edit summary").click()
    bob.locator("#parcels summary").click()

    assert PHONE["width"] == bob.evaluate("document.documentElement.scrollWidth")
    ship(bob, packed, "JD01")
    expect(bob.locator("#parcel-list")).to_contain_text("JD01")


def test_a_link_without_a_clipboard_is_selected_as_a_whole(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", f"/seller/orders/{order['id']}")
    bob.get_by_role("button", name="Make a link").click()
    expect(bob.locator("#link .qr")).to_be_visible()
    bob.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")

    bob.get_by_role("button", name="Copy the link").click()

    expect(bob.locator("#link .copy")).to_have_text("Selected: copy it with Ctrl-C")
    assert "/t/" in bob.evaluate("getSelection().toString()")


def test_slips_are_one_to_a_page_on_paper(server: Server, visitors: Visitors) -> None:
    ids = [server.place_order(number=fresh_number(), note="Difficult customer")["id"] for _ in range(2)]
    bob = visitors.signed_in("Bob", java_script_enabled=False, color_scheme="dark")
    bob.goto(f"/seller/print?orders={ids[0]},{ids[1]}")
    bob.emulate_media(media="print")

    expect(bob.locator(".slip .qr")).to_have_count(2)
    assert ["page", "auto"] == [
        bob.locator(".slip").nth(at).evaluate("slip => getComputedStyle(slip).breakAfter") for at in (0, 1)
    ]
    expect(bob.locator("header.shell")).not_to_be_visible()
    expect(bob.locator(".on-screen")).not_to_be_visible()
    assert "rgb(255, 255, 255)" == bob.locator(".slip").first.evaluate("s => getComputedStyle(s).backgroundColor")
    expect(bob.locator("body")).not_to_contain_text("Difficult customer")
