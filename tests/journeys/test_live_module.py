"""The browser module on a page of another site, with a token instead of our session."""

from __future__ import annotations

import os
import signal

import pytest
from onward_client import Onward
from playwright.sync_api import expect

from tests.facts import eventually
from tests.journeys.browsers import needs_browser

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

PAGE = """
<!doctype html><title>A shop's own page</title><p id="state"></p><ol id="heard"></ol>
<script type="module">
import { OnwardLive } from "/static/onward-live.js";
window.live = new OnwardLive({
  token: async () => document.body.dataset.token,
  cursor: document.body.dataset.cursor,
  onState: (state) => (document.getElementById("state").textContent = state),
  onEvent(type, data) {
    if (type !== "order.status_changed") return;
    const entry = document.createElement("li");
    entry.textContent = `${data.order.status}`;
    document.getElementById("heard").append(entry);
  },
});
</script>
"""


@pytest.fixture
def page(browser, own_server):
    """An empty page at the service's address, and what the console complains about."""
    context = browser.new_context(base_url=own_server.url)
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    context.close()


def shows(page, token, cursor=""):
    """Serve the page with this token and cursor."""
    body = PAGE.replace("<p id", f'<body data-token="{token}" data-cursor="{cursor}"><p id', 1)
    page.route("**/shop", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("/shop")


def test_a_page_of_ones_own_hears_everything_once_though_processes_die(page, own_server):
    order = own_server.place_order()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    shows(page, own_server.token("seller", 1))
    expect(page.locator("#state")).to_have_text("live")

    own_server.move(order["id"], "CONFIRMED")
    expect(page.locator("#heard li")).to_have_text(["CONFIRMED"])
    for worker in own_server.workers():
        os.kill(worker, signal.SIGKILL)
    with Onward(own_server.url, own_server.token("seller", 1)) as bob:
        bob.change_status(order["id"], "PREPARING")
    expect(page.locator("#heard li")).to_have_text(["CONFIRMED", "PREPARING"], timeout=20_000)

    assert [] == page.complaints
    assert not [url for url in requests if own_server.token("seller", 1) in url]
    assert 2 <= len([url for url in requests if "ticket=" in url])


def test_it_goes_on_from_a_cursor_and_ends_when_it_is_closed(page, own_server):
    order = own_server.place_order()
    with own_server.stream(own_server.token("seller", 1)) as stream:
        cursor = stream.until_type("hello")[0].id
    own_server.move(order["id"], "CONFIRMED")
    eventually(own_server.at_rest)

    shows(page, own_server.token("seller", 1), cursor)
    expect(page.locator("#heard li")).to_have_text(["CONFIRMED"])
    page.evaluate("live.close()")
    own_server.move(order["id"], "PREPARING")
    eventually(own_server.at_rest)
    assert 1 == page.locator("#heard li").count()


def test_a_token_that_is_not_valid_ends_it(page):
    shows(page, "nobody")

    expect(page.locator("#state")).to_have_text("signed_out")
