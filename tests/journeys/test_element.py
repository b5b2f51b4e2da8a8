"""`<onward-status>` in a page of another origin, in a real browser."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import PROJECT
from tests.journeys.browsers import Visitors, fresh_number, needs_browser
from tests.journeys.conftest import FOREIGN_PORT
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

MOST_BYTES = 12 * 1024
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>A shop</title>
<link rel="icon" href="data:,">
<script type="module" src="{url}/static/onward-status.js"></script>
<main><h1>Your order</h1><onward-status link="{url}{link}"></onward-status></main></html>
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """The folder of a shop's own website, on another port."""
    website = ThreadingHTTPServer(("127.0.0.1", FOREIGN_PORT), partial(Quiet, directory=str(tmp_path)))
    serving = threading.Thread(target=website.serve_forever, daemon=True)
    serving.start()
    yield tmp_path
    website.shutdown()
    website.server_close()


def visit(visitors: Visitors, shop: Path, html: str, **options: Any) -> Page:
    (shop / "order.html").write_text(html)
    page = visitors.guest(**options)
    page.goto(f"http://127.0.0.1:{FOREIGN_PORT}/order.html")
    return page


def part(page: Page, name: str) -> Any:
    return page.locator(f"onward-status [part~={name}]")


def test_five_lines_show_an_order_live_in_any_page(server: Server, visitors: Visitors, shop: Path) -> None:
    order = server.place_order(number=fresh_number())
    html = PAGE.format(url=server.url, link=server.tracking_link(order["id"]))
    assert 5 == len(html.splitlines())
    page = visit(visitors, shop, html)
    page.evaluate("addEventListener('onward-change', (event) => (window.changed = event.detail))")
    element = page.locator("onward-status")
    expect(part(page, "status")).to_have_text("Order placed")
    expect(element).to_have_attribute("data-state", "live")

    server.move(order["id"], "CONFIRMED")

    expect(part(page, "status")).to_have_text("Order confirmed")
    expect(part(page, "now")).to_contain_text("Order confirmed")
    expect(page.locator("onward-status [role=status]")).to_have_text("Order confirmed")
    assert {"status": "CONFIRMED", "version": 2} == page.evaluate("window.changed")


def test_it_speaks_the_readers_language_and_knows_the_readers_zone(
    server: Server, visitors: Visitors, shop: Path
) -> None:
    order = server.place_order(number=fresh_number())
    html = PAGE.format(url=server.url, link=server.tracking_link(order["id"]))
    page = visit(visitors, shop, html, locale="de-DE", timezone_id="Asia/Kolkata")

    expect(part(page, "number")).to_have_text(f"Bestellung #{order['number']}")
    at = page.evaluate(
        "at => new Date(at).toLocaleTimeString('de', {hour: '2-digit', minute: '2-digit'})", order["created_at"]
    )
    expect(part(page, "now")).to_contain_text(at)
    page.locator("onward-status").evaluate("element => (element.lang = 'en')")
    expect(part(page, "number")).to_have_text(f"Order #{order['number']}")


def test_it_takes_a_ticket_and_says_when_that_is_not_valid(server: Server, visitors: Visitors, shop: Path) -> None:
    visitors.expected = re.compile("404")
    order = server.place_order(number=fresh_number())
    ticket = server.tracking_link(order["id"]).removeprefix("/t/")
    html = PAGE.replace('link="{url}{link}"', 'ticket="{ticket}"').format(url=server.url, ticket=ticket)
    page = visit(visitors, shop, html)
    expect(part(page, "status")).to_have_text("Order placed")

    page.locator("onward-status").evaluate("element => element.setAttribute('ticket', 'forged')")

    expect(part(page, "gone")).to_have_text("This link is no longer valid. Ask the shop for a new one.")


def test_more_of_them_than_a_browser_has_connections_are_all_shown(
    server: Server, visitors: Visitors, shop: Path
) -> None:
    """Over plain HTTP a browser has six, and each stream takes one."""
    orders = [server.place_order(number=fresh_number()) for _ in range(8)]
    link = '<onward-status link="{url}{link}"></onward-status>'
    links = "".join(link.format(url=server.url, link=server.tracking_link(one["id"])) for one in orders)
    page = visit(visitors, shop, PAGE.replace(link, "{links}").format(url=server.url, links=links))

    expect(part(page, "status")).to_have_text(["Order placed"] * 8)
    expect(page.locator("onward-status[data-state=live]")).to_have_count(3)
    expect(page.locator("onward-status[data-state=polling]")).to_have_count(5)


def test_it_weighs_at_most_twelve_kilobytes_with_all_that_it_imports() -> None:
    modules = [PROJECT / "static" / name for name in ("onward-status.js", "link-live.js")]

    assert sum(len(gzip.compress(one.read_bytes(), 9)) for one in modules) <= MOST_BYTES
    imported = "".join(one.read_text() for one in modules).count("import {")
    assert 1 == imported, "and nothing else"
