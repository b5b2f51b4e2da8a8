"""The tabs of one browser share one live stream, and each receives everything once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.facts import eventually
from tests.journeys.browsers import LAN_NAME, needs_browser
from tests.journeys.server import Server
from tests.journeys.tabs import NO_CHANNELS, NO_LOCKS, QUICK, Shop, hide, received, tabs_of

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

CLICK = """([path, headers]) =>
    fetch(path, { method: "PATCH", headers, body: '{"status": "CONFIRMED"}' }).then((answer) => answer.status)"""


@pytest.mark.parametrize("script", ["", NO_LOCKS], ids=["by a lock", "by a lease"])
def test_ten_tabs_share_one_stream_and_a_click_in_the_last_is_answered(
    browser: Browser, server: Server, shop: Shop, script: str
) -> None:
    with tabs_of(browser, server.url, shop.given, script) as tabs:
        pages = [tabs.open() for _ in range(10)]

        path = f"/api/orders/{shop.order['id']}/status"
        headers = {"Authorization": f"Bearer {server.token('seller', shop.id)}", "Content-Type": "application/json"}
        assert 200 == pages[-1].evaluate(CLICK, [path, headers])

        for page in pages:
            received(page, "CONFIRMED")
        assert 1 == len(tabs.streams)


@pytest.mark.parametrize("script", ["", NO_LOCKS], ids=["by a lock", "by a lease"])
def test_another_tab_leads_when_the_leader_closes_and_nothing_is_lost_or_repeated(
    browser: Browser, server: Server, shop: Shop, script: str
) -> None:
    with tabs_of(browser, server.url, shop.given, script) as tabs:
        leader, *others = [tabs.open() for _ in range(3)]
        shop.move("CONFIRMED")
        for page in (leader, *others):
            received(page, "CONFIRMED")

        leader.close()
        shop.move("PREPARING", "READY")

        for page in others:
            received(page, "CONFIRMED", "PREPARING", "READY")
        eventually(lambda: len(tabs.streams) == 2)


def test_over_plain_http_by_a_name_of_the_local_network_tabs_share_as_well(
    browser: Browser, server: Server, shop: Shop
) -> None:
    """There a browser has no locks, nor anything else that needs a secure context."""
    with tabs_of(browser, f"http://{LAN_NAME}:{server.port}", shop.given) as tabs:
        pages = [tabs.open() for _ in range(2)]
        assert pages[0].evaluate("[isSecureContext, 'locks' in navigator]") == [False, False]

        shop.move("CONFIRMED")

        for page in pages:
            received(page, "CONFIRMED")
        assert 1 == len(tabs.streams)


def test_tabs_that_cannot_talk_to_each_other_have_four_streams_and_the_fifth_polls(
    browser: Browser, server: Server, shop: Shop
) -> None:
    with tabs_of(browser, server.url, shop.given, NO_CHANNELS) as tabs:
        pages = [tabs.open() for _ in range(4)]
        fifth = tabs.open(live=False)
        expect(fifth.locator("#state")).to_have_text("polling")

        shop.move("CONFIRMED")
        for page in (*pages, fifth):
            received(page, "CONFIRMED")
        assert 4 == len(tabs.streams)

        pages[0].close()
        expect(fifth.locator("#state")).to_have_text("live")


def test_a_tab_that_joins_late_gets_what_it_has_missed(browser: Browser, server: Server, shop: Shop) -> None:
    with tabs_of(browser, server.url, shop.given) as tabs:
        first = tabs.open()
        shop.move("CONFIRMED", "PREPARING")
        received(first, "CONFIRMED", "PREPARING")

        received(tabs.open(), "CONFIRMED", "PREPARING")

        assert 1 == len(tabs.streams)


def test_a_tab_that_comes_from_before_all_that_is_kept_reloads(browser: Browser, server: Server, shop: Shop) -> None:
    given = shop.given
    shop.move("CONFIRMED")
    eventually(server.at_rest)
    with tabs_of(browser, server.url, shop.given) as tabs:
        tabs.open()
        received(tabs.open(cursor=given["cursor"]), "resync")


def test_a_leader_that_shows_no_sign_of_life_is_replaced(browser: Browser, server: Server, shop: Shop) -> None:
    with tabs_of(browser, server.url, shop.given | {"times": QUICK | {"leader": 300, "sign": 100}}) as tabs:
        leader, follower = tabs.open(), tabs.open()
        leader.evaluate("live.channel.postMessage = () => {}")

        shop.move("CONFIRMED")

        received(follower, "CONFIRMED")
        assert follower.evaluate("live.leadership.leads")


def test_a_paused_tab_shows_nothing_until_it_is_resumed(browser: Browser, server: Server, shop: Shop) -> None:
    with tabs_of(browser, server.url, shop.given) as tabs:
        paused, other = tabs.open(), tabs.open()
        paused.evaluate("live.pause()")

        shop.move("CONFIRMED", "PREPARING")
        received(other, "CONFIRMED", "PREPARING")
        expect(paused.locator("#state")).to_have_text("paused")
        received(paused)
        paused.evaluate("live.resume()")

        received(paused, "CONFIRMED", "PREPARING")


def test_a_tab_that_was_paused_for_too_long_reloads(browser: Browser, server: Server, shop: Shop) -> None:
    with tabs_of(browser, server.url, shop.given) as tabs:
        page = tabs.open()
        take = "(number) => live.events.take('order.updated', { event: { to_status: 'READY' } }, `99.${number + 1}`)"
        page.evaluate(f"live.pause(); for (let n = 0; n < 500; n += 1) ({take})(n)")
        assert [500, False] == page.evaluate("[live.events.waiting, live.events.overflow]")

        page.evaluate(f"({take})(500)")
        page.evaluate("live.resume()")

        received(page, "resync")


def test_the_same_event_again_and_an_older_one_are_not_shown(browser: Browser, server: Server, shop: Shop) -> None:
    with tabs_of(browser, server.url, shop.given) as tabs:
        page = tabs.open()
        shop.move("CONFIRMED", "PREPARING")
        received(page, "CONFIRMED", "PREPARING")

        again = "([first, last]) => [last, first, last, last].forEach((one) => live.relay(...one))"
        page.evaluate(f"({again})(live.events.kept.filter(([type]) => type === 'order.status_changed'))")

        received(page, "CONFIRMED", "PREPARING")


def test_a_hidden_page_lets_go_and_comes_back_with_its_cursor(browser: Browser, server: Server, shop: Shop) -> None:
    with tabs_of(browser, server.url, shop.given | {"hidden": 50}) as tabs:
        page = tabs.open()
        hide(page)
        eventually(lambda: page.evaluate("live.gone && live.live === null"))
        shop.move("CONFIRMED", "PREPARING", "READY")
        eventually(server.at_rest)
        received(page)

        hide(page, False)

        received(page, "CONFIRMED", "PREPARING", "READY")
        assert "last_event_id=" in tabs.streams[-1]


def test_a_page_that_was_put_away_goes_on_where_it_was(browser: Browser, server: Server, shop: Shop) -> None:
    """Frozen, or kept for the way back: it must not keep the others from leading."""
    with tabs_of(browser, server.url, shop.given) as tabs:
        away, other = tabs.open(), tabs.open()
        away.evaluate("document.dispatchEvent(new Event('freeze'))")
        shop.move("CONFIRMED")
        received(other, "CONFIRMED")
        received(away)

        away.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

        received(away, "CONFIRMED")


def test_who_signs_out_in_one_tab_is_signed_out_in_all_until_one_is_live_again(
    browser: Browser, server: Server, shop: Shop
) -> None:
    with tabs_of(browser, server.url, shop.given) as tabs:
        leader, leaving = tabs.open(), tabs.open()
        leaving.evaluate("live.signOut(); live.close()")
        expect(leader.locator("#state")).to_have_text("signed_out")
        assert leader.evaluate("live.live === null && live.leadership === null")  # so nothing asks for anything

        tabs.open()

        expect(leader.locator("#state")).to_have_text("live")


def test_a_session_that_has_ended_is_asked_about_once_and_no_more(browser: Browser, server: Server, shop: Shop) -> None:
    with tabs_of(browser, server.url, shop.given | {"token": "nobody"}) as tabs:
        pages = [tabs.open(live=False) for _ in range(2)]

        for page in pages:
            expect(page.locator("#state")).to_have_text("signed_out")
            assert page.evaluate("live.live === null")
        assert 0 == len(tabs.streams)


def test_a_page_of_an_older_version_says_so(browser: Browser, server: Server, shop: Shop) -> None:
    with tabs_of(browser, server.url, shop.given) as tabs:
        current = tabs.open()
        old = tabs.open(live=False, version="0.0.1")

        expect(old.locator("#state")).to_have_text("outdated")
        expect(current.locator("#state")).to_have_text("live")
