"""People at real browsers, and the elements of the pages that they use."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

CHROMIUM = Path("/usr/bin/chromium")
LAN_NAME = "shop.test"
"""Another name of this machine. Over plain HTTP a browser trusts its pages less than those of `localhost`."""

ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    f"--host-resolver-rules=MAP {LAN_NAME} 127.0.0.1",
]
PHONE = {"width": 320, "height": 640}

needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM} (Debian package chromium)")

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

    any_status = re.compile("the server responded with a status of 40[34]")

    def guest(self, **options: Any) -> Page:
        """Somebody who is not signed in."""
        context = self._browser.new_context(base_url=self._url, **options)
        self._contexts.append(context)
        # Whoever has many open orders is shown the list first, and tests that share a server make many.
        context.add_cookies([{"name": "onward_orders", "value": "board", "url": self._url}])
        page = context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._complain(str(error)))
        return page

    def signed_in(self, name: str, path: str = "/", **options: Any) -> Page:
        """One of the demo's people, at `path`; live where there are scripts."""
        page = self.guest(**options)
        page.goto("/sign-in")
        sign_in_button(page, name).click()
        page.goto(path)
        if options.get("java_script_enabled", True):
            expect(page.locator("#pill")).to_have_text("Live")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complain(message.text)

    def _complain(self, text: str) -> None:
        if not self.expected.search(text):
            self.complaints.append(text)


def fresh_number() -> str:
    return f"F-{next(_numbers)}"


def sign_in_button(page: Page, name: str) -> Any:
    """The sign-in button of a demo user."""
    return page.get_by_role("button", name=re.compile(f"^{name} "))


def press(button: Locator, done: Locator) -> None:
    """Press it until this is shown: for a moment after an answer no button does anything."""
    for _ in range(20):
        if button.is_visible():
            button.click()
        with suppress(PlaywrightTimeout):
            done.wait_for(timeout=1_000)
            break
    expect(done).to_be_visible()


def card(page: Page, order: Any) -> Any:
    return page.locator(f".card[data-order='{order['id']}']")


def in_column(page: Page, status: str, order: Any) -> Any:
    return page.locator(f"[data-list~='{status}']").locator(f".card[data-order='{order['id']}']")


def never_reloaded(page: Page) -> Callable[[], bool]:
    """Mark the document; the answer tells whether it is still the same one."""
    page.evaluate("window.sameDocument = true")
    return lambda: page.evaluate("window.sameDocument === true")
