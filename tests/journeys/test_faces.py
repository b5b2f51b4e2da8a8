"""The faces in a real browser: what people see, what they press, and what they are told."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from tests.journeys.server import Server

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PHONE = {"width": 320, "height": 640}
HOSTILE = '<img src=x onerror="document.title=1">'

needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM} (Debian package chromium)")
pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

_numbers = itertools.count(1)


class Visitors:
    """People at browsers of their own; what their consoles complain about is kept."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.expected = re.compile("(?!)")
        """Complaints that belong to the story, such as the browser's note about a 404."""

    def guest(self, **options: Any) -> Page:
        """Somebody who is not signed in."""
        context = self._browser.new_context(base_url=self._url, **options)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type in ("error", "warning") and self._complain(message.text))
        page.on("pageerror", lambda error: self._complain(str(error)))
        return page

    def signed_in(self, name: str, path: str = "/", **options: Any) -> Page:
        """One of the demo's people, at `path`; live where there are scripts."""
        page = self.guest(**options)
        page.goto("/sign-in")
        door(page, name).click()
        page.goto(path)
        if options.get("java_script_enabled", True):
            expect(page.locator("#pill")).to_have_text("Live")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _complain(self, text: str) -> None:
        if not self.expected.search(text):
            self.complaints.append(text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)


@pytest.fixture
def visitors(browser: Browser, server: Server) -> Iterator[Visitors]:
    visitors = Visitors(browser, server.url)
    yield visitors
    visitors.close()
    assert [] == visitors.complaints


@pytest.fixture
def order(server: Server) -> Any:
    """A new order that Alice placed with Bob."""
    return server.place_order(number=fresh_number())


def fresh_number() -> str:
    return f"F-{next(_numbers)}"


def door(page: Page, name: str) -> Any:
    """The button on the sign-in page that lets somebody in."""
    return page.get_by_role("button", name=re.compile(f"^{name} "))


def card(page: Page, order: Any) -> Any:
    return page.locator(f".card[data-order='{order['id']}']")


def in_column(page: Page, status: str, order: Any) -> Any:
    return page.locator(f"[data-list~='{status}']").locator(f".card[data-order='{order['id']}']")


def never_reloaded(page: Page) -> Callable[[], bool]:
    """Mark the document; the answer tells whether it is still the same one."""
    page.evaluate("window.sameDocument = true")
    return lambda: page.evaluate("window.sameDocument === true")


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
    expect(bob.locator("#column-PENDING .rest")).to_have_text("2 more")

    own_server.move(placed[-1]["id"], "CONFIRMED")

    expect(in_column(bob, "CONFIRMED", placed[-1])).to_be_visible()
    expect(bob.locator("#column-PENDING .rest")).to_have_text("1 more")
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


def test_a_module_and_the_server_draw_the_same_card(server: Server, visitors: Visitors) -> None:
    bob = visitors.signed_in("Bob")
    new = server.place_order(number=fresh_number(), currency="JPY")
    drawn_by_module = card(bob, new).evaluate(COMPARABLE)

    bob.reload()

    expect(bob.locator("#pill")).to_have_text("Live")
    assert card(bob, new).evaluate(COMPARABLE) == drawn_by_module


COMPARABLE = """card => card.outerHTML
    .replace(/name="(key|csrf_token)" value="[^"]*"/g, '')
    .replace(/(<time[^>]*?)( title="[^"]*")?>[^<]*/g, '$1>')
    .replace(/ class=""| changed/g, '').replace(/\\s+/g, ' ').replace(/> </g, '><')"""


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
    bob = visitors.signed_in("Bob")
    card(bob, order).hover()

    server.move(order["id"], "CONFIRMED")

    expect(in_column(bob, "PENDING", order)).to_contain_text("Moved to Confirmed")
    bob.mouse.move(2, 2)
    expect(in_column(bob, "CONFIRMED", order)).to_be_visible()


def test_a_click_on_a_stale_card_is_refused_beside_the_card(server: Server, visitors: Visitors, order: Any) -> None:
    visitors.expected = re.compile("412|ERR_FAILED")
    bob = visitors.signed_in("Bob")
    bob.route("**/api/stream*", lambda route: route.abort())
    bob.reload()
    server.move(order["id"], "CANCELLED", "buyer", 1, reason="Changed my mind")

    bob.get_by_role("button", name=f"Confirm, order {order['number']}").click()

    expect(card(bob, order)).to_contain_text("Alice Archer moved this order to “Cancelled” before you.")
    bob.mouse.move(2, 2)
    expect(in_column(bob, "CANCELLED", order)).to_be_visible()


def test_a_move_that_needs_a_reason_asks_for_it(visitors: Visitors, order: Any) -> None:
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}")
    alice.get_by_text("Cancel order…").click()
    alice.get_by_label("Reason").fill("Ordered twice")

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


def test_the_bell_counts_what_the_server_counts(server: Server, visitors: Visitors) -> None:
    dave = visitors.signed_in("Dave")
    bell = dave.locator("#bell")
    expect(bell).to_have_accessible_name("Notifications, 0 unread")

    server.place_order(seller=2, buyer=2)
    expect(bell).to_have_accessible_name("Notifications, 1 unread")
    bell.click()
    dave.get_by_role("button", name="Mark 1 as read").click()

    expect(bell).to_have_accessible_name("Notifications, 0 unread")


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

    expect(card(bob, order)).to_contain_text("Operator moved this order to “Confirmed” before you.")


def test_a_conversation_works_without_scripts(visitors: Visitors, order: Any) -> None:
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}", java_script_enabled=False)
    alice.get_by_label("Message", exact=True).fill("Hello\nthere")

    alice.get_by_role("button", name="Send").click()

    expect(alice.locator(".message.mine .said")).to_have_text("Hello there")


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


def test_who_is_signed_out_is_sent_to_the_sign_in_page_and_back(visitors: Visitors, order: Any) -> None:
    guest = visitors.guest()
    guest.goto(f"/buyer/orders/{order['id']}")
    expect(guest).to_have_url(re.compile("/sign-in"))

    door(guest, "Alice").click()

    expect(guest).to_have_url(re.compile(f"/buyer/orders/{order['id']}$"))


def test_a_session_that_ended_is_told_and_not_tried_again(visitors: Visitors) -> None:
    visitors.expected = re.compile("401")
    bob = visitors.signed_in("Bob")
    bob.context.clear_cookies()
    asked: list[str] = []
    bob.on("request", lambda request: asked.append(request.url))

    bob.evaluate("dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'))")

    expect(bob.locator("#pill")).to_have_text("Signed out")
    assert 1 == sum("/api/stream" in url for url in asked)


def test_a_strangers_order_is_a_page_that_says_404(visitors: Visitors, order: Any) -> None:
    visitors.expected = re.compile("404")
    dave = visitors.signed_in("Dave")

    answer = dave.goto(f"/seller/orders/{order['id']}")

    assert answer is not None
    assert 404 == answer.status
    expect(dave.get_by_role("heading", level=1)).to_have_text("Not Found")
    expect(dave.get_by_role("link", name="Back to your orders")).to_be_visible()


def test_an_operator_sees_everybodys_orders_and_may_act(visitors: Visitors, order: Any) -> None:
    olive = visitors.signed_in("Olive")

    olive.get_by_role("button", name=f"Confirm, order {order['number']}").click()

    expect(in_column(olive, "CONFIRMED", order)).to_be_visible()


def test_an_operator_sees_live_what_others_do(server: Server, visitors: Visitors, order: Any) -> None:
    olive = visitors.signed_in("Olive")
    same_document = never_reloaded(olive)

    server.move(order["id"], "CONFIRMED", "seller")

    expect(in_column(olive, "CONFIRMED", order)).to_be_visible()
    assert same_document()


def test_a_buyer_without_an_account_follows_the_order_by_a_link(server: Server, visitors: Visitors, order: Any) -> None:
    link = server.tracking_link(order["id"])
    guest = visitors.guest(viewport=PHONE)
    guest.clock.install()
    guest.goto(link)
    expect(guest.get_by_role("heading", level=1)).to_have_text("Order placed")
    assert PHONE["width"] == guest.evaluate("document.documentElement.scrollWidth")

    server.move(order["id"], "CONFIRMED")
    guest.clock.run_for(10_000)

    expect(guest.get_by_role("heading", level=1)).to_have_text("Order confirmed")
    assert 0 == guest.get_by_role("button").count()


@pytest.mark.parametrize(
    ("name", "path"), [("Bob", "/seller/orders"), ("Bob", "/seller/orders/{id}"), ("Alice", "/buyer/orders/{id}")]
)
def test_a_small_phone_needs_no_sideways_scroll(visitors: Visitors, order: Any, name: str, path: str) -> None:
    page = visitors.signed_in(name, path.format(**order), viewport=PHONE)

    assert PHONE["width"] == page.evaluate("document.documentElement.scrollWidth")


def test_a_form_from_elsewhere_changes_nothing(server: Server, order: Any) -> None:
    session = requests.Session()
    page = session.get(f"{server.url}/sign-in", timeout=10)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    session.post(f"{server.url}/sign-in", data={"csrf_token": token[1], "person": "bob"}, timeout=10)

    form = {"to": "CONFIRMED", "version": "1"}
    answer = session.post(f"{server.url}/orders/{order['id']}/status", data=form, timeout=10)

    assert 400 == answer.status_code
    assert [("PENDING",)] == server.sql(f"SELECT status FROM orders WHERE id = {order['id']}")


def test_pages_say_where_their_parts_may_come_from(server: Server) -> None:
    for path in ("/sign-in", "/nowhere"):
        headers = requests.get(server.url + path, headers={"Accept": "text/html"}, timeout=10).headers

        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "nosniff" == headers["X-Content-Type-Options"]
        assert "no-store" == headers["Cache-Control"]
