"""The pages in a real browser: changing statuses and writing messages, with scripts and without, and the errors."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.browsers import PHONE, Visitors, card, fresh_number, in_column, needs_browser
from tests.journeys.server import Server

HOSTILE = '<img src=x onerror="document.title=1">'

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


def test_a_click_on_a_stale_card_is_refused_beside_the_card(server: Server, visitors: Visitors, order: Any) -> None:
    visitors.expected = re.compile("412|ERR_FAILED")
    bob = visitors.signed_in("Bob")
    bob.route("**/api/stream*", lambda route: route.abort())
    bob.reload()
    server.move(order["id"], "CANCELLED", "buyer", 1, reason="Changed my mind")

    bob.get_by_role("button", name=f"Confirm, order {order['number']}").click()

    # It has left this column, and stays where it is while the pointer is there.
    left = bob.locator("#column-PENDING li[data-gone]")
    expect(left).to_contain_text("Alice Archer changed this order to “Cancelled” before you.")
    bob.mouse.move(2, 2)
    expect(in_column(bob, "CANCELLED", order)).to_be_visible()


def test_a_move_that_needs_a_reason_asks_for_it(visitors: Visitors, order: Any) -> None:
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}")
    alice.get_by_text("Cancel order…").click()
    alice.get_by_label("Why? The shop reads it.").fill("Ordered twice")

    alice.get_by_role("button", name="Cancel order").click()

    expect(alice.get_by_role("heading", level=1)).to_have_text("Cancelled")
    alice.get_by_text("All updates").click()
    expect(alice.locator("#history")).to_contain_text("Ordered twice")


def test_a_message_reaches_the_other_side_once(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", f"/seller/orders/{order['id']}")
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}")
    alice.get_by_label("Message", exact=True).fill("Can you add a card?")

    alice.get_by_role("button", name="Send").click()

    expect(bob.locator(".message.theirs")).to_contain_text("Can you add a card?")
    expect(alice.locator(".message.mine")).to_have_count(1)
    expect(alice.get_by_label("Message", exact=True)).to_have_value("")


def test_the_board_works_without_scripts(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", java_script_enabled=False)

    bob.get_by_role("button", name=f"Confirm, order {order['number']}").click()

    expect(bob).to_have_url(re.compile(r"/seller/orders#order-\d+$"))
    expect(bob.get_by_text(f"Order #{order['number']} is now “Confirmed”.")).to_be_visible()
    expect(in_column(bob, "CONFIRMED", order)).to_be_visible()


def test_without_scripts_a_stale_form_is_refused_beside_the_card(
    server: Server, visitors: Visitors, order: Any
) -> None:
    visitors.expected = re.compile("412")
    bob = visitors.signed_in("Bob", java_script_enabled=False)
    server.move(order["id"], "CONFIRMED")

    bob.get_by_role("button", name=f"Confirm, order {order['number']}").click()

    expect(card(bob, order)).to_contain_text("Operator changed this order to “Confirmed” before you.")


def test_a_conversation_works_without_scripts(visitors: Visitors, order: Any) -> None:
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}", java_script_enabled=False)
    alice.get_by_label("Message", exact=True).fill("Hello\nthere")

    alice.get_by_role("button", name="Send").click()

    expect(alice.locator(".message.mine .text")).to_have_text("Hello there")


@pytest.mark.parametrize("scripts", [True, False])
def test_hostile_text_is_shown_as_text(server: Server, visitors: Visitors, scripts: bool) -> None:
    bob = visitors.signed_in("Bob", java_script_enabled=scripts)
    item = {"sku": "X", "title": f"</script>{HOSTILE}", "quantity": 1, "unit_price_minor": 1}
    order = server.place_order(number=fresh_number(), buyer_name=HOSTILE, items=[item])
    if not scripts:
        bob.reload()
    expect(card(bob, order)).to_contain_text(HOSTILE)

    bob.goto(f"/seller/orders/{order['id']}")
    bob.get_by_label("Message", exact=True).fill(f"</script>{HOSTILE}")
    bob.get_by_role("button", name="Send").click()

    expect(bob.locator(".message.mine")).to_contain_text(f"</script>{HOSTILE}")
    expect(bob.locator(".items")).to_contain_text(f"</script>{HOSTILE}")
    expect(bob.locator("img")).to_have_count(0)


def test_an_operator_sees_everybodys_orders_and_may_act(visitors: Visitors, order: Any) -> None:
    olive = visitors.signed_in("Olive")

    olive.get_by_role("button", name=f"Confirm, order {order['number']}").click()

    expect(in_column(olive, "CONFIRMED", order)).to_be_visible()


@pytest.mark.parametrize(
    ("name", "path"), [("Bob", "/seller/orders"), ("Bob", "/seller/orders/{id}"), ("Alice", "/buyer/orders/{id}")]
)
def test_a_small_phone_needs_no_sideways_scroll(visitors: Visitors, order: Any, name: str, path: str) -> None:
    page = visitors.signed_in(name, path.format(**order), viewport=PHONE)

    assert PHONE["width"] == page.evaluate("document.documentElement.scrollWidth")
