"""The pages in a real browser: other people's changes appear by themselves, and nothing is missed or lost."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.journeys.browsers import Visitors, card, fresh_number, in_column, needs_browser, never_reloaded
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


def test_a_card_moves_by_itself_when_its_order_is_changed_elsewhere(
    server: Server, visitors: Visitors, order: Any
) -> None:
    bob = visitors.signed_in("Bob")
    same_document = never_reloaded(bob)
    expect(in_column(bob, "PENDING", order)).to_be_visible()

    server.move(order["id"], "CONFIRMED")

    expect(in_column(bob, "CONFIRMED", order)).to_be_visible()
    expect(card(bob, order)).to_have_count(1)
    assert same_document()


def test_a_new_order_appears_by_itself(server: Server, visitors: Visitors) -> None:
    bob = visitors.signed_in("Bob")
    same_document = never_reloaded(bob)
    before = int(bob.locator("#column-PENDING [data-count-of]").inner_text())

    new = server.place_order(number=fresh_number(), buyer_name="Nora Newcomer")

    expect(in_column(bob, "PENDING", new)).to_contain_text("Nora Newcomer")
    expect(bob.locator("#column-PENDING [data-count-of]")).to_have_text(str(before + 1))
    assert same_document()


def test_a_full_column_counts_what_it_does_not_show(own_server: Server, browser: Browser) -> None:
    placed = [own_server.place_order(number=fresh_number()) for _ in range(52)]
    visitors = Visitors(browser, own_server.url)
    bob = visitors.signed_in("Bob")
    expect(bob.locator("#column-PENDING .card")).to_have_count(50)
    expect(bob.locator("#column-PENDING [data-count-of]")).to_have_text("52")

    own_server.move(placed[-1]["id"], "CONFIRMED")

    expect(in_column(bob, "CONFIRMED", placed[-1])).to_be_visible()
    expect(bob.locator("#column-PENDING [data-count-of]")).to_have_text("51")
    expect(bob.locator("#open-count")).to_have_text("52 open")
    visitors.close()
    assert [] == visitors.complaints


def test_one_click_moves_the_order_and_the_buyers_page_follows(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob")
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}")
    same_document = never_reloaded(alice)

    bob.get_by_role("button", name=f"Confirm, order {order['number']}").click()

    expect(in_column(bob, "CONFIRMED", order)).to_be_visible()
    expect(alice.get_by_role("heading", level=1)).to_have_text("Order confirmed")
    expect(alice.locator("[aria-current=step]")).to_contain_text("Order confirmed")
    expect(alice.locator(".log")).to_contain_text("Order confirmed")
    assert same_document()


def test_what_happens_before_the_stream_is_open_is_not_lost(server: Server, visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob")
    held: list[Route] = []
    bob.route("**/api/stream*", lambda route: held.append(route))
    bob.reload()
    expect(in_column(bob, "PENDING", order)).to_be_visible()

    server.move(order["id"], "CONFIRMED")
    expect(bob.locator("#pill")).not_to_have_text("Live")
    for route in held:
        route.continue_()

    expect(in_column(bob, "CONFIRMED", order)).to_be_visible()


def test_other_peoples_changes_pull_no_card_from_under_the_pointer(
    server: Server, visitors: Visitors, order: Any
) -> None:
    """It stays where it is, of the same size, and nothing in it can be pressed; the counts are right meanwhile."""
    bob = visitors.signed_in("Bob")
    card(bob, order).hover()
    size = card(bob, order).bounding_box()
    count = bob.locator("#column-PENDING [data-count-of]")
    before = int(count.inner_text())

    server.move(order["id"], "CONFIRMED")

    gone = bob.locator("#column-PENDING li[data-gone]")
    expect(gone).to_have_attribute("data-gone", "Moved on")
    expect(count).to_have_text(str(before - 1))
    assert size == gone.bounding_box()
    expect(gone.get_by_role("button")).to_have_count(0)
    bob.mouse.move(2, 2)
    expect(gone).to_have_count(0)
    expect(in_column(bob, "CONFIRMED", order)).to_be_visible()


def test_the_bell_counts_what_the_server_counts(server: Server, visitors: Visitors) -> None:
    dave = visitors.signed_in("Dave")
    bell = dave.locator("#bell")
    expect(bell).to_have_accessible_name("Notifications, 0 unread")

    server.place_order(seller=2, buyer=2)
    expect(bell).to_have_accessible_name("Notifications, 1 unread")
    dave.goto("/inbox")
    dave.get_by_role("button", name="Mark all as read").click()

    expect(bell).to_have_accessible_name("Notifications, 0 unread")


def test_what_is_read_in_one_tab_is_read_in_the_other(server: Server, visitors: Visitors) -> None:
    """And no tab asks for the count, nor counts by itself."""
    dave = visitors.signed_in("Dave")
    other = dave.context.new_page()
    other.goto("/inbox")
    expect(other.locator("#pill")).to_have_text("Live")
    asked: list[str] = []
    other.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)

    server.place_order(seller=2, buyer=2)
    for page in (dave, other):
        expect(page.locator("#bell")).to_have_accessible_name("Notifications, 1 unread")
    dave.goto("/inbox")
    dave.get_by_role("button", name="Mark as read: New order").first.click()

    expect(other.locator("#bell")).to_have_accessible_name("Notifications, 0 unread")
    expect(other.locator("#inbox .unread")).to_have_count(0)
    assert [] == [url for url in asked if "/api/stream" not in url]


def test_a_page_that_takes_long_is_asked_for_seldom(server: Server, visitors: Visitors, order: Any) -> None:
    """A board with 200,000 open orders costs the service up to a second: not every two seconds for each open tab."""
    olive = visitors.signed_in("Olive")
    asked: list[float] = []

    def slowly(route: Route) -> None:
        asked.append(time.monotonic())
        time.sleep(1.4)
        asked.append(time.monotonic())
        route.continue_()

    olive.route("**/operator/orders?*", slowly)
    server.move(order["id"], "CONFIRMED")
    expect(in_column(olive, "CONFIRMED", order)).to_be_visible()
    server.move(order["id"], "PREPARING")
    expect(in_column(olive, "PREPARING", order)).to_be_visible(timeout=25_000)

    first, answered, second = asked[:3]
    assert second - answered > 6 * (answered - first)
    olive.unroute("**/operator/orders?*")


def test_an_operator_sees_live_what_others_do(server: Server, visitors: Visitors, order: Any) -> None:
    olive = visitors.signed_in("Olive")
    same_document = never_reloaded(olive)

    server.move(order["id"], "CONFIRMED", "seller")

    expect(in_column(olive, "CONFIRMED", order)).to_be_visible()
    assert same_document()
