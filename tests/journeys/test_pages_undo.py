"""Undo in a real browser: on the board, on the order's page, and without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsers import Visitors, in_column, needs_browser, never_reloaded
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


def confirm(page: Page, order: Any) -> None:
    page.get_by_role("button", name=f"Confirm, order {order['number']}").click()


def undo(page: Page, order: Any) -> None:
    page.get_by_role("button", name=f"Undo, order {order['number']}").click()


def mails(server: Server, order: Any) -> list[Any]:
    """What became of everything that leaves the service for this order."""
    return [
        status
        for (status,) in server.sql(
            f"SELECT DISTINCT status FROM side_effects WHERE order_id = {order['id']} AND kind LIKE 'signal.%'"
        )
    ]


def test_a_move_on_the_board_is_undone_and_the_buyer_sees_both(server: Server, visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob")
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}")
    same_document = never_reloaded(bob)
    confirm(bob, order)
    expect(in_column(bob, "CONFIRMED", order)).to_be_visible()
    expect(alice.get_by_role("heading", level=1)).to_have_text("Order confirmed")

    undo(bob, order)

    expect(in_column(bob, "PENDING", order)).to_be_visible()
    expect(bob.locator("#said")).to_contain_text(f"Undone: order #{order['number']} is “New” again.")
    expect(alice.get_by_role("heading", level=1)).to_have_text("Order placed")
    assert same_document()
    assert ["superseded"] == mails(server, order)


def test_the_page_of_the_order_offers_it_to_who_made_the_move_alone(
    server: Server, visitors: Visitors, order: Any
) -> None:
    bob = visitors.signed_in("Bob", f"/seller/orders/{order['id']}")
    olive = visitors.signed_in("Olive", f"/operator/orders/{order['id']}")
    confirm(bob, order)
    expect(olive.locator("#hero .badge")).to_have_text("Confirmed")
    expect(olive.locator(".undo")).to_have_count(0)

    undo(bob, order)

    expect(bob.locator("#hero .badge")).to_have_text("New")
    expect(bob.locator("#history")).to_contain_text("undone")
    expect(bob.locator(".undo")).to_have_count(0)


def test_undo_works_without_scripts(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", java_script_enabled=False)
    confirm(bob, order)

    undo(bob, order)

    expect(in_column(bob, "PENDING", order)).to_be_visible()
    expect(bob.locator("#said")).to_contain_text("Undone")


def test_an_undo_that_comes_too_late_says_so(server: Server, visitors: Visitors, order: Any) -> None:
    visitors.expected = re.compile("409")
    bob = visitors.signed_in("Bob", java_script_enabled=False)
    confirm(bob, order)
    server.sql(f"UPDATE outbox SET owner = 0 WHERE order_id = {order['id']} AND owner < 0 RETURNING id")

    undo(bob, order)

    expect(bob.locator(".form-error").locator("visible=true").first).to_contain_text("can't be undone any more")
