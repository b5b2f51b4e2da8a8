"""Pictures of every page in both themes, with the demo's orders; only where PICTURES names a folder (`make pages`)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.conftest import PROJECT, environment
from tests.journeys.browsers import Visitors, needs_browser, sign_in_button
from tests.journeys.page_list import GUEST, PAGES, Filled
from tests.journeys.server import Server

FOLDER = os.environ.get("PICTURES", "")
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
QUALITY = 60

pytestmark = [
    pytest.mark.journey,
    pytest.mark.browser,
    needs_browser,
    pytest.mark.skipif(not FOLDER, reason="PICTURES names no folder"),
]


@pytest.fixture
def seeded(fresh_database: str) -> Any:
    command = [sys.executable, "-m", "flask", "demo", "seed"]
    subprocess.run(command, cwd=PROJECT, env=environment(fresh_database), check=True, capture_output=True)
    with Server(fresh_database) as running:
        yield running


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pictures_of_every_page(browser: Browser, seeded: Server, theme: Any) -> None:
    ((order,),) = seeded.sql("SELECT min(id) FROM orders WHERE status = 'SHIPPED' AND buyer_id = 1 AND seller_id = 1")
    filled = Filled({"id": order}, seeded.tracking_link(order))
    visitors = Visitors(browser, seeded.url)
    for who in PAGES:
        size = PHONE if who in ("Alice", GUEST) else DESKTOP
        page = visitors.guest(color_scheme=theme, viewport=size, device_scale_factor=1)
        if who != GUEST:
            page.goto("/sign-in")
            sign_in_button(page, who).click()
        for pattern, path in zip(PAGES[who], filled.paths(who), strict=True):
            page.goto(path)
            page.wait_for_load_state("load")
            page.screenshot(path=Path(FOLDER) / f"{_name(who, pattern)}-{theme}.jpg", quality=QUALITY)
    visitors.close()


def _name(who: str, pattern: str) -> str:
    """`bob-seller-orders`: whose page, and which."""
    return re.sub(r"[^a-z0-9]+", "-", f"{who or 'guest'} {pattern.partition('?')[0]}".lower()).strip("-")
