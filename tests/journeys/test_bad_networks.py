"""Live pages over networks that are cut, fall silent, and hold streams: nothing is missed, and the page says so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.facts import eventually
from tests.journeys.browsers import Visitors, fresh_number, in_column, needs_browser, sign_in_button
from tests.journeys.network import Network
from tests.journeys.server import Server
from tests.journeys.tabs import IMPATIENT, QUICK, Shop, received, tabs_of

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


@pytest.fixture
def network(server: Server) -> Iterator[Network]:
    with Network(server.port) as network:
        yield network


def test_after_a_cut_everything_is_there_once(browser: Browser, network: Network, shop: Shop) -> None:
    with tabs_of(browser, network.url, shop.given) as tabs:
        page = tabs.open()
        shop.move("CONFIRMED")
        received(page, "CONFIRMED")

        network.cut()
        expect(page.locator("#state")).to_have_text("reconnecting")
        shop.move("PREPARING", "READY")
        network.heal()

        expect(page.locator("#state")).to_have_text("live")
        received(page, "CONFIRMED", "PREPARING", "READY")


def test_a_connection_that_falls_silent_is_replaced(browser: Browser, network: Network, shop: Shop) -> None:
    with tabs_of(browser, network.url, shop.given | {"times": QUICK | {"silence": 500, "hello": 700}}) as tabs:
        page = tabs.open()
        network.fall_silent()

        shop.move("CONFIRMED")

        received(page, "CONFIRMED")
        assert len(set(network.asked)) == len(network.asked) > 1
        assert "last_event_id=" in network.asked[-1]


@pytest.mark.parametrize("streams", ["hold", "buffer", "refuse"])
def test_where_no_stream_gets_through_events_are_polled_until_one_does(
    browser: Browser,
    network: Network,
    shop: Shop,
    streams: str,
) -> None:
    network.streams = streams  # type: ignore[assignment]
    with tabs_of(browser, network.url, shop.given | {"times": IMPATIENT}) as tabs:
        page, other = tabs.open(live=False), tabs.open(live=False)
        expect(page.locator("#state")).to_have_text("polling")

        shop.move("CONFIRMED", "PREPARING")
        received(page, "CONFIRMED", "PREPARING")
        received(other, "CONFIRMED", "PREPARING")
        assert "live" not in page.evaluate("states")
        eventually(lambda: len(network.asked) > 2)

        network.heal()
        expect(page.locator("#state")).to_have_text("live")
        shop.move("READY")
        received(page, "CONFIRMED", "PREPARING", "READY")
        received(other, "CONFIRMED", "PREPARING", "READY")


def test_a_board_behind_a_proxy_that_holds_streams_is_kept_up_to_date(
    browser: Browser, network: Network, server: Server
) -> None:
    network.streams = "hold"
    visitors = Visitors(browser, network.url)
    bob = visitors.guest()
    bob.goto("/sign-in")
    sign_in_button(bob, "Bob").click()
    bob.route("**/seller/orders", _hurried)
    bob.goto("/seller/orders")
    expect(bob.locator("#pill")).to_have_text("Updating every 10 s")

    new = server.place_order(number=fresh_number())
    expect(in_column(bob, "PENDING", new)).to_be_visible()
    bob.locator("#pill").click()
    expect(bob.locator("#connection")).to_contain_text("Live updates do not get through on this network.")

    network.heal()
    bob.get_by_role("button", name="Reconnect now").click()
    expect(bob.locator("#pill")).to_have_text("Live")
    expect(bob.locator("#connection")).to_contain_text("Changes appear here as they happen.")
    assert len(set(network.asked)) == len(network.asked)  # none waits for the answer of another
    visitors.close()
    assert [] == visitors.complaints


def test_a_paused_page_counts_what_waits(visitors: Visitors, server: Server) -> None:
    bob = visitors.signed_in("Bob")
    pill = bob.locator("#pill")
    pill.click()
    bob.get_by_role("button", name="Pause live updates").click()

    new = server.place_order(number=fresh_number())

    expect(pill).to_have_text(re.compile("Paused · [1-9] waiting"))
    expect(in_column(bob, "PENDING", new)).to_have_count(0)
    bob.get_by_role("button", name="Resume").click()
    expect(in_column(bob, "PENDING", new)).to_be_visible()
    expect(pill).to_have_text("Live")


def test_a_page_whose_cursor_is_of_no_use_is_read_again(visitors: Visitors, server: Server) -> None:
    bob = visitors.signed_in("Bob")
    new: list[dict[str, object]] = []

    def outdated(route: Route) -> None:
        body = route.fetch().text()
        route.fulfill(body=re.sub('data-cursor="[^"]*"', 'data-cursor="1.1"', body), content_type="text/html")
        bob.unroute("**/seller/orders")
        new.append(server.place_order(number=fresh_number()))

    bob.route("**/seller/orders", outdated)
    bob.reload()

    eventually(lambda: new)
    expect(in_column(bob, "PENDING", new[0])).to_be_visible()


def _hurried(route: Route) -> None:
    """The page, with short times."""
    body = route.fetch().text()
    times = json.dumps(IMPATIENT)
    route.fulfill(
        body=body.replace('id="connection"', f"id=\"connection\" data-times='{times}'"), content_type="text/html"
    )
