"""Two people of one shop in real browsers: each is named to the other, live, and the buyer reads the shop."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from access import passwords
from tests.journeys.browsers import Visitors, card, fresh_number, needs_browser
from tests.journeys.server import Server

PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


@pytest.fixture
def staff(server: Server, visitors: Visitors) -> list[Page]:
    """Bea and Ben, who both sell for seller 1, each at the board."""
    pages, hashed = [], passwords.hashed(PASSWORD)
    for name in ("Bea", "Ben"):
        email = f"{name}-{fresh_number()}@example.org".lower()
        server.sql(
            f"""INSERT INTO people (email, name, role, principal_id, session_key, password)
            VALUES ('{email}', '{name} Berg', 'seller', 1, '{email}', '{hashed}')"""
        )
        page = visitors.guest()
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.locator("#pill")).to_have_text("Live")
        pages.append(page)
    return pages


def test_colleagues_read_each_others_names_live_and_the_buyer_reads_the_shop(
    server: Server, visitors: Visitors, order: Any, staff: list[Page]
) -> None:
    bea, ben = staff
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}")
    for page in staff:
        page.goto(f"/seller/orders/{order['id']}")
        expect(page.locator("#pill")).to_have_text("Live")

    bea.get_by_role("button", name=f"Confirm, order {order['number']}").click()
    ben.get_by_label("Message", exact=True).fill("Ready tomorrow")
    ben.get_by_role("button", name="Send").click()

    for page, mover, author in ((bea, "You", "Ben Berg"), (ben, "Bea Berg", "You"), (alice, "The shop", "The shop")):
        said = page.get_by_role("log").locator(".message", has_text="Ready tomorrow")
        expect(said.locator(".who")).to_have_text(author)
        expect(page.locator("#entry-2 .who")).to_have_text(mover)


def test_a_colleague_who_was_faster_is_named_beside_the_card(visitors: Visitors, order: Any, staff: list[Page]) -> None:
    visitors.expected = re.compile("412|ERR_FAILED")
    bea, ben = staff
    ben.route("**/api/stream*", lambda route: route.abort())
    ben.reload()
    button = f"Confirm, order {order['number']}"
    bea.get_by_role("button", name=button).click()
    expect(bea.get_by_role("button", name=button)).to_have_count(0)

    ben.get_by_role("button", name=button).click()

    expect(card(ben, order)).to_contain_text("Bea Berg changed this order")
