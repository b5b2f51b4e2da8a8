"""What a buyer sees, on a phone and in another part of the world, with an account or by a link."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.facts import eventually
from tests.journeys.browsers import PHONE, Visitors, fresh_number, needs_browser, never_reloaded
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

ALL = {"reply": True, "statuses": ["CANCELLED", "RETURN_REQUESTED"]}


def parcel() -> dict[str, str]:
    """One that arrives in three days."""
    day = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    return {"carrier": "DHL", "number": "0034", "url": "https://dhl.example/0034", "expected_on": day}


def title(page: Page) -> Any:
    return page.get_by_role("heading", level=1)


def test_a_link_follows_its_order_live_without_an_account(server: Server, visitors: Visitors, order: Any) -> None:
    """Within the stream: nothing is asked for until something has happened."""
    guest = visitors.guest(viewport=PHONE)
    guest.goto(server.tracking_link(order["id"]))
    expect(guest.locator("#pill")).to_have_text("Live")
    expect(title(guest)).to_have_text("Order placed")
    assert PHONE["width"] == guest.evaluate("document.documentElement.scrollWidth")
    same_document, asked = never_reloaded(guest), []
    guest.on("request", lambda request: asked.append(request.url))

    for to in ("CONFIRMED", "PREPARING", "READY"):
        server.move(order["id"], to)
    server.move(order["id"], "SHIPPED", tracking=parcel())

    expect(title(guest)).to_have_text("On its way")
    expect(guest.locator("#hero .expected")).to_contain_text("Expected")
    expect(guest.locator("#hero").get_by_role("link", name="Track the parcel")).to_be_visible()
    expect(guest.locator("#progress [aria-current=step]")).to_contain_text("On its way")
    assert all("?part=" in url or url.endswith("/idiomorph.min.js") for url in asked)
    assert 0 == guest.get_by_role("button").count()
    assert same_document()


def test_a_link_that_is_revoked_says_so_on_the_open_page(server: Server, visitors: Visitors, order: Any) -> None:
    visitors.expected = re.compile("404")
    guest = visitors.guest(viewport=PHONE)
    guest.goto(server.tracking_link(order["id"]))
    expect(guest.locator("#pill")).to_have_text("Live")

    path = f"{server.url}/api/orders/{order['id']}/tracking-links/revoke"
    headers = {"Authorization": f"Bearer {server.token('operator', 1)}"}
    assert 200 == server.http.post(path, json={"reason": "a wrong address"}, headers=headers, timeout=10).status_code

    expect(title(guest)).to_have_text("This link is no longer valid", timeout=15_000)


def test_a_link_speaks_the_readers_language_in_the_readers_zone(server: Server, visitors: Visitors, order: Any) -> None:
    guest = visitors.guest(viewport=PHONE, locale="de-DE", timezone_id="Asia/Kolkata")
    guest.goto(server.tracking_link(order["id"], **ALL))
    expect(title(guest)).to_have_text("Bestellung eingegangen")
    at = guest.evaluate(
        "at => new Date(at).toLocaleTimeString('de', {hour: '2-digit', minute: '2-digit'})", order["created_at"]
    )
    expect(guest.locator("#progress [aria-current=step] time")).to_contain_text(at)
    expect(guest.locator("#zone")).to_contain_text(re.compile("Asia/(Kolkata|Calcutta)"))
    assert PHONE["width"] == guest.evaluate("document.documentElement.scrollWidth")


def test_a_link_that_allows_it_cancels_and_talks_live(server: Server, visitors: Visitors, order: Any) -> None:
    guest = visitors.guest(viewport=PHONE)
    guest.goto(server.tracking_link(order["id"], **ALL))
    expect(guest.locator("#pill")).to_have_text("Live")
    same_document = never_reloaded(guest)
    guest.get_by_text("Cancel order…").click()
    guest.get_by_label("Why? The shop reads it.").fill("Ordered twice")
    guest.get_by_role("button", name="Cancel order").click()
    expect(title(guest)).to_have_text("Cancelled")
    expect(guest.locator("#hero .because")).to_contain_text("Ordered twice")

    guest.get_by_role("textbox", name="Message").fill("Sorry about that")
    guest.get_by_role("button", name="Send").click()
    expect(guest.locator(".log")).to_contain_text("Sorry about that")
    path = f"{server.url}/api/orders/{order['id']}/messages"
    headers = {"Authorization": f"Bearer {server.token('seller', 1)}"}
    assert server.http.post(path, json={"body": "Never mind"}, headers=headers, timeout=10).ok

    expect(guest.locator(".log")).to_contain_text("Never mind")
    assert same_document()


def test_without_scripts_a_buyer_finds_an_order_asks_and_talks(server: Server, visitors: Visitors) -> None:
    """By account, from the list."""
    order = server.place_order(number=fresh_number())
    alice = visitors.signed_in("Alice", "/buyer/orders", java_script_enabled=False, viewport=PHONE)
    alice.get_by_role("searchbox").fill(order["number"])
    alice.get_by_role("button", name="Search").click()
    alice.get_by_role("link", name=f"#{order['number']}", exact=True).click()
    alice.get_by_role("textbox", name="Message").fill("Hello")
    alice.get_by_role("button", name="Send").click()
    expect(alice.locator(".log")).to_contain_text("Hello")

    alice.get_by_text("Cancel order…").click()
    alice.get_by_label("Why? The shop reads it.").fill("Ordered twice")
    alice.get_by_role("button", name="Cancel order").click()

    expect(title(alice)).to_have_text("Cancelled")
    expect(alice.locator("#hero .because")).to_contain_text("Ordered twice")
    assert PHONE["width"] == alice.evaluate("document.documentElement.scrollWidth")
    eventually(server.at_rest)


def test_a_buyers_orders_are_open_first_then_by_month_back_to_the_oldest(server: Server, visitors: Visitors) -> None:
    buyer = 1
    old = server.place_order(buyer=buyer, number=fresh_number())
    server.move(old["id"], "CANCELLED", reason="of a test")
    open_one = server.place_order(buyer=buyer, number=fresh_number())
    alice = visitors.signed_in("Alice", "/buyer/orders", viewport=PHONE)
    month = datetime.now(UTC).strftime("%B %Y")

    first = alice.locator("#orders h2").first
    expect(first).to_have_text("Open")
    expect(alice.locator(f"#order-{open_one['id']}")).to_be_visible()
    expect(alice.locator("#orders")).to_contain_text(month)
    new = server.place_order(buyer=buyer, number=fresh_number())
    expect(alice.locator(f"#order-{new['id']}")).to_be_visible()
    assert PHONE["width"] == alice.evaluate("document.documentElement.scrollWidth")
