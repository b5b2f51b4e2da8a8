"""Signing in, in a real browser: who gets in and how, who is redirected, and what comes from other origins."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.journeys.browsers import PHONE, Visitors, needs_browser, sign_in_button
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


def test_who_is_signed_out_is_sent_to_the_sign_in_page_and_back(visitors: Visitors, order: Any) -> None:
    guest = visitors.guest()
    guest.goto(f"/buyer/orders/{order['id']}")
    expect(guest).to_have_url(re.compile("/sign-in"))

    sign_in_button(guest, "Alice").click()

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
    expect(dave.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    expect(dave.get_by_role("link", name="Back to your orders")).to_be_visible()


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
