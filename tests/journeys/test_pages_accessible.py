"""No page keeps people with assistive technology out, as far as axe-core can see; and none needs sideways scrolling.

At 390 px in the light theme; `make pages` adds the dark one, two more widths, and what opens.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.journeys.browsers import Visitors, needs_browser, sign_in_button
from tests.journeys.page_list import GUEST, PAGES, Filled
from tests.journeys.server import Server

AXE = Path(__file__).resolve().parents[1] / "vendor" / "axe-core" / "axe.min.js"
RUN = """async () => {
    const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await axe.run(document, { resultTypes: ["violations"], runOnly });
    const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
    const at = (nodes) => nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ");
    return serious.map(({ id, nodes }) => `${id}: ${at(nodes)}`);
}"""
BEYOND = """(width) => [...document.querySelectorAll("main *")]
    .filter((one) => one.getBoundingClientRect().right > width)
    .slice(-3).map((one) => one.outerHTML.slice(0, 80)).join(" ")"""
"""The innermost of what is wider than the page."""

WHOLE = bool(os.environ.get("ALL_SIZES"))
THEMES = ("light", "dark") if WHOLE else ("light",)
WIDTHS = (320, 390, 1440) if WHOLE else (390,)
OPENED = "#account, #panel, #palette, #help, #connection"

pytestmark = [pytest.mark.journey, pytest.mark.browser, needs_browser]


@pytest.fixture
def filled(server: Server, order: Any) -> Filled:
    return Filled(order, server.tracking_link(order["id"]))


@pytest.mark.timeout(600)  # a dozen pages each, on a machine with more to do
@pytest.mark.parametrize("who", PAGES, ids=lambda who: who or "guest")
@pytest.mark.parametrize(("theme", "width"), list(itertools.product(THEMES, WIDTHS)))
def test_no_page_has_a_serious_finding(visitors: Visitors, filled: Filled, who: str, theme: Any, width: int) -> None:
    visitors.expected = visitors.any_status
    page = visitors.guest(bypass_csp=True, color_scheme=theme, viewport={"width": width, "height": 844})
    if who != GUEST:
        page.goto("/sign-in")
        sign_in_button(page, who).click()

    assert {} == {path: found for path in filled.paths(who) if (found := _findings(page, path, width))}


def _findings(page: Page, path: str, width: int) -> list[str]:
    page.goto(path)
    page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(RUN)
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        found.append(f"{wide} px wide: {page.evaluate(BEYOND, width)}")
    if WHOLE:
        found += _findings_of_what_opens(page)
    return found


def _findings_of_what_opens(page: Page) -> list[str]:
    """The menus, panels and dialogs of the frame, and the folded parts, each looked at while it is open."""
    found = []
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    found += page.evaluate(RUN)
    for opened in page.locator(OPENED).all():
        dialog = opened.evaluate("(one) => one.tagName === 'DIALOG'")
        opened.evaluate("(one) => (one.tagName === 'DIALOG' ? one.showModal() : one.showPopover())")
        found += page.evaluate(RUN)
        opened.evaluate("(one) => one.close()" if dialog else "(one) => one.hidePopover()")
    return found
