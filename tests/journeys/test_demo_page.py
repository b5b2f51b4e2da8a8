"""The first minute of a newcomer: seller, buyer and what happens side by side, and what can be broken without loss."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import PROJECT
from tests.facts import eventually
from tests.journeys.browsers import Visitors, needs_browser
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]

WIDE = {"width": 1440, "height": 900}


@pytest.fixture
def demo(fresh_database: str, tmp_path: Path) -> Iterator[Server]:
    """A demo with its own mail server, as `make run` starts it."""
    folder = tmp_path / "mail"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "demo.mail_server", str(listener.fileno()), str(folder)]
        url = f"smtp://127.0.0.1:{listener.getsockname()[1]}"
        with (
            subprocess.Popen(command, cwd=PROJECT, pass_fds=[listener.fileno()]) as mail_server,
            Server(fresh_database, DATA_DIR=str(tmp_path), MAIL_FOLDER=str(folder), SMTP_URL=url) as running,
        ):
            yield running
            mail_server.terminate()


@pytest.fixture
def page(browser: Browser, demo: Server) -> Iterator[Page]:
    """The demo's page, with 50 orders."""
    visitors = Visitors(browser, demo.url)
    visitors.expected = re.compile("ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED")  # a cut is one
    page = visitors.guest(viewport=WIDE)
    page.goto("/sign-in")
    page.get_by_role("button", name="See it live").click()
    page.get_by_role("button", name="Add 50 orders").click()
    expect(page.locator("#said")).to_contain_text("50 orders were placed")
    page.reload()
    expect(page.locator("#pill")).to_have_text("Live")
    yield page
    visitors.close()
    assert [] == visitors.complaints


def test_a_click_on_the_board_is_seen_beside_it_and_a_cut_misses_nothing(page: Page, demo: Server) -> None:
    board, phone = page.frame_locator(".demo-board iframe"), page.frame_locator(".demo-phone iframe")
    expect(board.locator("#pill")).to_have_text("Live")
    expect(board.locator("#open-count")).to_have_text("50 open")
    expect(phone.locator("#hero")).to_be_visible()

    confirm = board.get_by_role("button", name=re.compile("^Confirm, order")).last
    number = str(confirm.get_attribute("aria-label")).rpartition(" ")[2]
    confirm.click()
    expect(page.locator("#happened")).to_contain_text(f"#{number} is now “Confirmed”")
    expect(page.locator("#happened")).to_contain_text("E-mail to")

    page.get_by_role("button", name="Cut all connections").click()
    expect(page.locator("#said")).to_contain_text("7 orders moved on meanwhile")
    expect(page.locator(".demo [data-replayed]")).to_have_text(re.compile("^[0-9]+ missed events were replayed.$"))
    expect(page.locator("#pill")).to_have_text("Live")


def test_a_broken_mail_server_opens_its_circuit_and_loses_no_mail(page: Page, demo: Server) -> None:
    eventually(lambda: demo.sql("SELECT count(*) FROM side_effects WHERE status = 'pending'") == [(0,)])
    page.get_by_role("button", name="Break the mail server").click()
    expect(page.locator("#demo-mail")).to_contain_text("The mail server refuses.")
    page.get_by_role("button", name="Add 50 orders").click()
    expect(page.locator("#demo-mail")).to_contain_text("The circuit of the mail server is open", timeout=20_000)

    page.get_by_role("button", name="Mend the mail server").click()
    expect(page.get_by_role("button", name="Break the mail server")).to_be_visible()
    assert [] == demo.sql("SELECT 1 FROM side_effects WHERE status = 'dead'")


def test_on_a_narrow_screen_there_are_links_instead_of_frames(browser: Browser, demo: Server) -> None:
    visitors = Visitors(browser, demo.url)
    page = visitors.signed_in("Bob", "/demo", viewport={"width": 390, "height": 800})

    expect(page.locator("iframe:visible")).to_have_count(0)
    expect(page.get_by_role("link", name="Open it alone").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitors.close()
