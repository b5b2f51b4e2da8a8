"""Browser tabs with nothing but the module that shares a stream between them; what each has received can be read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.facts import eventually
from tests.journeys.server import Server

SCRIPT = """async (given) => {
  const { SharedLive } = await import("/static/shared-live.js");
  const [state, received] = ["p", "ol"].map((name) => document.body.appendChild(document.createElement(name)));
  [state.id, received.id] = ["state", "received"];
  window.states = [];
  const onState = (shown) => {
    if (states.at(-1) !== shown) states.push(shown);
    state.textContent = shown;
  };
  const onEvent = (type, data) => {
    const what = data.event?.to_status ?? (type === "resync" ? type : null);
    if (what) received.appendChild(document.createElement("li")).textContent = what;
  };
  window.live = new SharedLive({ ...given, onState, onEvent });
}"""
NO_LOCKS = "Object.defineProperty(navigator, 'locks', { value: undefined })"
NO_CHANNELS = "delete window.BroadcastChannel"
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

QUICK = {"steady": 0, "poll": 150, "renew": 200, "lease": 2_000, "shy": 50, "backoff": [50, 100]}
"""Short times for what takes seconds otherwise. A machine may be busy: what would be a failure is left as it is."""

IMPATIENT = QUICK | {"hello": 300, "patience": 300}
"""For networks that let no stream through."""


NEWEST = """SELECT greatest((SELECT max(seq) FROM realtime_events), (SELECT max(seq) FROM realtime_packs))"""

_sellers = itertools.count(9_000)


@dataclass
class Shop:
    """A seller of this test's own, and an order to move."""

    server: Server
    id: int
    order: Any

    @classmethod
    def opened(cls, server: Server) -> Shop:
        id = next(_sellers)
        order = server.place_order(seller=id, buyer=id)
        eventually(server.at_rest)
        return cls(server, id, order)

    @property
    def given(self) -> dict[str, Any]:
        """What a tab is given: everything from before its order was moved is known."""
        token = self.server.token("seller", self.id)
        ((newest,),) = self.server.sql(NEWEST)
        cursor = ""

        def knows_it() -> bool:  # a process may be a moment behind
            nonlocal cursor
            with self.server.stream(token) as stream:
                cursor = stream.until_type("hello")[0].id
            return int(cursor.partition(".")[2]) >= int(newest)

        eventually(knows_it)
        return {"who": f"seller:{self.id}", "cursor": cursor, "token": token, "times": QUICK}

    def move(self, *statuses: str) -> None:
        for status in statuses:
            self.server.move(self.order["id"], status)


class Tabs:
    """The tabs of one browser, all of one principal."""

    def __init__(self, context: BrowserContext, url: str, given: dict[str, Any]) -> None:
        self._context, self._url, self._given = context, url, given
        self.streams: list[str] = []
        self.complaints: list[str] = []
        context.on("request", self._on_request)

    def open(self, live: bool = True, **changes: Any) -> Page:
        """One more tab; with `live`, wait until it is."""
        page = self._context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{self._url}/livez")
        page.evaluate(SCRIPT, self._given | changes)
        if live:
            expect(page.locator("#state")).to_have_text("live")
        return page

    def _on_request(self, request: Any) -> None:
        if "/api/stream?" in request.url:
            self.streams.append(request.url)


@contextmanager
def tabs_of(browser: Browser, url: str, given: dict[str, Any], script: str = "") -> Iterator[Tabs]:
    """The tabs of a browser; `script` runs in each before anything else, to take away what some browsers lack."""
    context = browser.new_context()
    if script:
        context.add_init_script(script)
    tabs = Tabs(context, url, given)
    try:
        yield tabs
    finally:
        context.close()
    assert [] == tabs.complaints


def received(page: Page, *statuses: str) -> None:
    """These, in this order, each once."""
    expect(page.locator("#received li")).to_have_text(list(statuses))


def hide(page: Page, hidden: bool = True) -> None:
    """As if another tab was in front: a headless browser hides none."""
    page.evaluate(HIDE, hidden)
