"""What a page costs over the network, as the browser itself counts (CDP): bytes with heads, and requests."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsers import Visitors, fresh_number, needs_browser
from tests.journeys.server import Server

KB = 1024
MOST_REQUESTS = 9

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


class Network:
    """What a page has asked for since the last `clear`."""

    def __init__(self, page: Page) -> None:
        self._types: dict[str, str] = {}
        self._bytes: dict[str, float] = {}
        self._cached: set[str] = set()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", lambda event: self._types.update({event["requestId"]: event["type"]}))
        session.on("Network.requestServedFromCache", lambda event: self._cached.add(event["requestId"]))
        session.on("Network.loadingFinished", self._finished)

    def _finished(self, event: dict[str, Any]) -> None:
        self._bytes[event["requestId"]] = event["encodedDataLength"]

    def clear(self) -> None:
        self._types.clear()
        self._bytes.clear()
        self._cached.clear()

    @property
    def requests(self) -> list[str]:
        """The types of what was fetched over the network."""
        return [type for id, type in self._types.items() if id not in self._cached and self._bytes.get(id) != 0]

    @property
    def total(self) -> float:
        return sum(self._bytes.values())


def visit(visitors: Visitors, who: str, path: str) -> tuple[Page, Network]:
    """A page by somebody whose browser has none of the files yet."""
    page = visitors.signed_in(who, "/settings")
    network = Network(page)
    page.context.new_cdp_session(page).send("Network.clearBrowserCache")
    network.clear()
    page.goto(path)
    expect(page.locator("#pill")).to_have_text("Live")
    return page, network


def test_a_board_of_a_hundred_cards_is_light(server: Server, visitors: Visitors) -> None:
    shown = 0
    while shown < 100:
        order = server.place_order(number=fresh_number())
        if shown % 2:
            server.move(order["id"], "CONFIRMED")
        shown += 1

    page, network = visit(visitors, "Bob", "/seller/orders")

    assert page.locator(".card").count() >= 100
    assert network.total <= 45 * KB, network.total
    assert len(network.requests) <= MOST_REQUESTS, network.requests


def test_a_buyers_page_is_light(visitors: Visitors, order: Any) -> None:
    _, network = visit(visitors, "Alice", f"/buyer/orders/{order['id']}")

    assert network.total <= 30 * KB, network.total
    assert len(network.requests) <= MOST_REQUESTS, network.requests


def test_a_second_click_asks_for_no_file(visitors: Visitors, order: Any) -> None:
    page, network = visit(visitors, "Bob", "/seller/orders")
    network.clear()

    page.goto(f"/seller/orders/{order['id']}")
    expect(page.locator("#pill")).to_have_text("Live")

    assert [] == [type for type in network.requests if type in ("Script", "Stylesheet", "Image", "Font", "Other")]
