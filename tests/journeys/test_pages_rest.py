"""The pages in a real browser: no control changes its meaning under a pointer or a key, and nothing typed is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.browsers import PHONE, Visitors, card, fresh_number, in_column, needs_browser, sign_in_button
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

PAUSES_MS = (0, 80, 300, 750)
"""Between the first and the second activation."""


def twice(page: Page, press: Any, pause: int) -> None:
    press()
    page.wait_for_timeout(pause)
    press()


def version_at_rest(server: Server, page: Page, order: Any) -> int:
    """The order's version when the page has been answered, and nothing more is on its way."""
    expect(page.locator("[data-busy]")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    ((version,),) = server.sql(f"SELECT version FROM orders WHERE id = {order['id']}")
    return int(version)


@pytest.mark.parametrize("pause", PAUSES_MS)
def test_a_double_click_moves_an_order_once(server: Server, visitors: Visitors, pause: int) -> None:
    bob = visitors.signed_in("Bob")
    for path in ("/seller/orders", "/seller/orders/{id}"):
        order = server.place_order(number=fresh_number())
        bob.goto(path.format(**order))
        button = bob.get_by_role("button", name=f"Confirm, order {order['number']}")
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box
        at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        twice(bob, lambda at=at: bob.mouse.click(*at), pause)

        assert 2 == version_at_rest(server, bob, order)


@pytest.mark.parametrize("pause", PAUSES_MS)
def test_two_taps_move_an_order_once(server: Server, visitors: Visitors, pause: int) -> None:
    bob = visitors.signed_in("Bob", viewport=PHONE, has_touch=True, is_mobile=True)
    order = server.place_order(number=fresh_number())
    bob.goto(f"/seller/orders/{order['id']}")
    box = bob.get_by_role("button", name=f"Confirm, order {order['number']}").bounding_box()
    assert box

    twice(bob, lambda: bob.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), pause)

    assert 2 == version_at_rest(server, bob, order)


@pytest.mark.parametrize("path", ["/seller/orders", "/seller/orders/{id}"])
def test_a_key_held_down_moves_an_order_once(server: Server, visitors: Visitors, path: str) -> None:
    bob = visitors.signed_in("Bob")
    order = server.place_order(number=fresh_number())
    bob.goto(path.format(**order))
    bob.get_by_role("button", name=f"Confirm, order {order['number']}").focus()

    for pause in (30, 30, 30, 200, 300):
        bob.keyboard.press("Space")
        bob.wait_for_timeout(pause)

    assert 2 == version_at_rest(server, bob, order)


def test_a_button_under_a_resting_pointer_does_not_become_another(
    server: Server, visitors: Visitors, order: Any
) -> None:
    bob = visitors.signed_in("Bob", f"/seller/orders/{order['id']}")
    button = bob.get_by_role("button", name=f"Confirm, order {order['number']}")
    button.hover()
    server.move(order["id"], "CONFIRMED")
    expect(bob.locator("#hero .badge")).to_contain_text("Confirmed")

    button.click()

    expect(bob.locator("#next .form-error")).to_have_text("This order just changed. Check it and press again.")
    bob.mouse.move(2, 2)
    expect(bob.get_by_role("button", name=f"Start preparing, order {order['number']}")).to_be_visible()
    assert 2 == version_at_rest(server, bob, order)


def test_a_colleagues_change_takes_nothing_from_who_is_typing(server: Server, visitors: Visitors, order: Any) -> None:
    server.move(order["id"], "CONFIRMED")
    server.move(order["id"], "PREPARING")
    server.move(order["id"], "READY")
    bob = visitors.signed_in("Bob", f"/seller/orders/{order['id']}")
    field = bob.locator("#next").get_by_label("Number")
    field.press_sequentially("0034 04")

    server.move(order["id"], "SHIPPED", "operator")
    expect(bob.locator("#hero .badge")).to_contain_text("Shipped")
    bob.keyboard.type(" 3433 22")

    expect(field).to_have_value("0034 04 3433 22")
    expect(field).to_be_focused()
    assert 5 == version_at_rest(server, bob, order)


def test_a_message_being_written_survives_changes_and_signing_in_again(
    server: Server, visitors: Visitors, order: Any
) -> None:
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}")
    field = alice.get_by_label("Message", exact=True)
    field.press_sequentially("Can you")
    server.move(order["id"], "CONFIRMED")
    expect(alice.get_by_role("heading", level=1)).to_have_text("Order confirmed")
    alice.keyboard.type(" add a card?")
    expect(field).to_have_value("Can you add a card?")

    alice.get_by_role("button", name="Account of Alice").click()
    alice.get_by_role("button", name="Sign out").click()
    sign_in_button(alice, "Alice").click()
    alice.goto(f"/buyer/orders/{order['id']}")

    expect(field).to_have_value("Can you add a card?")
    alice.get_by_role("button", name="Send").click()
    expect(alice.locator(".message.mine .text")).to_have_text("Can you add a card?")
    alice.reload()
    expect(field).to_have_value("")


def test_who_has_signed_out_does_not_ask_for_parts_again_and_again(
    server: Server, visitors: Visitors, order: Any
) -> None:
    visitors.expected = re.compile("401")
    bob = visitors.signed_in("Bob")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=401, content_type="text/html", body="")

    bob.route("**/seller/orders?part=*", refuse)
    with bob.expect_response("**/seller/orders?part=*"):
        server.move(order["id"], "CONFIRMED")
    bob.wait_for_timeout(2_500)

    assert 1 == len(asked)


def test_counts_are_right_wherever_the_pointer_rests(server: Server, visitors: Visitors, order: Any) -> None:
    """On the operator's board everything stood still while the pointer was on a column."""
    for name in ("Bob", "Olive"):
        reader = visitors.signed_in(name)
        card(reader, order).hover()
        count = reader.locator("#column-PENDING [data-count-of]")
        before = int(count.inner_text())

        server.place_order(number=fresh_number())

        expect(count).to_have_text(str(before + 1))
        expect(in_column(reader, "PENDING", order)).to_be_visible()
