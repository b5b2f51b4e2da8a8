"""The frame of all pages in a real browser: theme, bell, palette, shortcuts, errors; with scripts and without."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsers import PHONE, Visitors, fresh_number, needs_browser
from tests.journeys.server import Server

DARK = "rgb(15, 18, 21)"

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


def background(page: Page) -> str:
    shown: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return shown


@pytest.mark.parametrize("scripts", [True, False])
def test_a_theme_that_was_chosen_stays(visitors: Visitors, scripts: bool) -> None:
    bob = visitors.signed_in("Bob", "/settings", java_script_enabled=scripts)
    assert background(bob) != DARK

    bob.get_by_role("button", name="Account of Bob").click()
    with bob.expect_response(re.compile("/theme$")):
        bob.get_by_role("button", name="Dark").click()
    expect(bob.locator("html")).to_have_attribute("data-theme", "dark")
    bob.goto("/inbox")

    assert background(bob) == DARK
    visitors.expected = re.compile("404")
    bob.goto("/seller/nowhere")
    assert background(bob) == DARK, "an error does not dazzle either"


def test_the_bell_opens_in_place_and_marks_what_it_shows(server: Server, visitors: Visitors) -> None:
    dave = visitors.signed_in("Dave", "/settings")
    for _ in range(2):
        server.place_order(2, number=fresh_number())
    bell = dave.locator("#bell")
    expect(bell).to_have_accessible_name("Notifications, 2 unread")

    bell.click()
    panel = dave.get_by_role("dialog", name="Notifications")
    expect(panel.get_by_role("listitem")).not_to_have_count(0)
    panel.get_by_role("listitem").first.get_by_role("link").click()
    expect(dave.locator("#order")).to_be_visible()
    expect(bell).to_have_accessible_name("Notifications, 1 unread")
    bell.click()
    panel.get_by_role("button", name="Mark 1 as read").click()

    expect(bell).to_have_accessible_name("Notifications, 0 unread")
    expect(panel.get_by_role("button", name=re.compile("^Mark "))).to_have_count(0)
    dave.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(bell).to_be_focused()


def test_any_order_is_three_keys_and_its_number_away(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", "/settings")

    bob.keyboard.press("Control+k")
    bob.keyboard.type(order["number"])
    bob.keyboard.press("Enter")

    expect(bob).to_have_url(re.compile(f"/seller/orders/{order['id']}$"))


def test_a_page_is_found_by_its_name_and_chosen_by_arrows(visitors: Visitors) -> None:
    bob = visitors.signed_in("Bob", "/inbox")

    bob.keyboard.press("/")
    bob.keyboard.type("webh")
    expect(bob.locator("#palette").get_by_role("link").first).to_have_text(re.compile("Webhooks"))
    bob.keyboard.press("ArrowDown")
    bob.keyboard.press("Enter")

    expect(bob).to_have_url(re.compile("/seller/webhooks$"))


def test_keys_do_what_the_help_says_and_nothing_while_somebody_types(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", f"/seller/orders/{order['id']}")
    bob.keyboard.press("?")
    expect(bob.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    bob.keyboard.press("Escape")
    expect(bob.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()

    bob.keyboard.press("m")
    bob.keyboard.type("gn?b")
    expect(bob.locator("textarea[name=body]")).to_have_value("gn?b")
    bob.keyboard.press("Escape")
    bob.locator("h1").click()
    bob.keyboard.press("g")
    bob.keyboard.press("n")

    expect(bob).to_have_url(re.compile("/inbox$"))


def test_who_turned_single_keys_off_has_none(visitors: Visitors) -> None:
    bob = visitors.signed_in("Bob", "/settings")
    bob.get_by_label("Keyboard shortcuts of a single key").uncheck()
    bob.get_by_role("button", name="Save").click()
    expect(bob.get_by_text("Your settings are saved.")).to_be_visible()

    bob.keyboard.press("?")
    bob.keyboard.press("Control+k")

    expect(bob.locator("#help")).to_be_hidden()
    expect(bob.locator("#palette")).to_be_visible()


def test_an_error_keeps_the_frame(visitors: Visitors) -> None:
    visitors.expected = visitors.any_status
    bob = visitors.signed_in("Bob")

    for path, heading in (
        ("/seller/orders/999999999", "There is nothing here"),
        ("/nowhere", "There is nothing here"),
        ("/buyer/orders", "You don't have access to this page"),
    ):
        bob.goto(path)
        expect(bob.get_by_role("heading", level=1)).to_have_text(heading)
        expect(bob.get_by_role("navigation", name="Main").get_by_role("link", name="Orders")).to_be_visible()
        expect(bob.get_by_role("main").get_by_text("Reference")).to_be_visible()


def test_on_a_phone_the_pages_are_below(visitors: Visitors) -> None:
    bob = visitors.signed_in("Bob", "/inbox", viewport=PHONE)

    box = bob.get_by_role("navigation", name="Main").bounding_box()

    assert box
    assert (box["y"] + box["height"], box["width"]) == (PHONE["height"], PHONE["width"])
    smallest = bob.evaluate(
        "Math.min(...[...document.querySelectorAll('header a, header button, .rail a')]"
        ".filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().height))"
    )
    assert smallest >= 44


def test_without_scripts_everything_of_the_frame_works(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", "/inbox", java_script_enabled=False)

    bob.get_by_role("link", name="Find").click()
    bob.get_by_role("searchbox", name="Find").fill(order["number"])
    bob.get_by_role("main").get_by_role("button", name="Find").click()
    bob.get_by_role("main").get_by_role("link", name=re.compile(f"#{order['number']}")).click()
    expect(bob.get_by_role("heading", level=1)).to_have_text(f"#{order['number']}")
    bob.get_by_role("button", name="Account of Bob").click()
    bob.get_by_role("button", name="Sign out").click()

    expect(bob.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
