"""Every page, with who looks at it: for tests that go through all of them, and for their pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

GUEST = ""

PAGES: dict[str, tuple[str, ...]] = {
    GUEST: ("/sign-in", "/docs", "/nowhere", "{link}", "/t/no-such-link"),
    "Bob": (
        "/seller/orders",
        "/seller/orders/list?q=mug",
        "/seller/orders/{id}",
        "/seller/messages",
        "/inbox",
        "/find?q=mug",
        "/settings",
        "/settings/shop",
        "/preferences",
        "/seller/webhooks",
        "/seller/orders/999999999",
    ),
    "Alice": ("/buyer/orders", "/buyer/orders/list", "/buyer/orders/{id}", "/inbox", "/seller/orders"),
    "Olive": (
        *("/operator/orders", "/operator/orders/{id}", "/operator/orders/list", "/support", "/support/orders/{id}"),
        *("/ops", "/ops/effects", "/ops/dead", "/ops/destinations", "/ops/live"),
    ),
}
"""By who looks at them; `{id}` is an order's, `{link}` the tracking link of it."""

NO_PAGES = {
    "/": "leads to another",
    "/profile": "leads to another",
    "/orders/<int>": "leads to another",
    "/orders/move": "leads to another",
    "/orders/<int>/any": "leads to another",
    "/orders/<int>/messages": "leads to another",
    "/orders/<int>/messages/seen": "leads to another",
    "/orders/<int>/status": "leads to another",
    "/any/orders/list.csv": "a file",
    "/assets/<digest>/<name>": "a file",
    "/static/<name>": "a file",
    "/openapi.json": "a file",
    "/support/orders/<int>/export": "a file",
    "/any/print": "needs a selection",
    "/any/bulk": "needs a selection",
    "/any/bulk/<int>": "needs a bulk change",
    "/ops/effects/<int>": "needs an effect",
    "/ops/jobs/<int>/stop": "leads to another",
    "/shops/<int>/logo/<int>": "a picture",
    "/t/<link>/status": "a part of pages of other sites",
    "/t/<link>/stream": "a stream",
    "/healthz": "for programs",
    "/livez": "for programs",
    "/readyz": "for programs",
    "/metrics": "for programs",
    "/password/<link>": "needs a link that is valid once",
    "/unsubscribe/<token>": "needs a link from an e-mail",
    "/demo": "shows other pages: tests/journeys/test_demo_page.py",
    "/dev/mail": "for whoever develops",
    "/dev/mail/<name>": "for whoever develops",
    "/dev/mail/<name>/html": "an e-mail",
    "/seller/webhooks/<int>": "needs an endpoint: tests/journeys/test_pages_settings.py",
}
"""Addresses that are not gone through, with the reason."""

ARGUMENT = re.compile(r"<(?:(?P<converter>\w+)(?:\([^>]*\))?:)?(?P<name>\w+)>")


@dataclass(frozen=True)
class Filled:
    """What stands for the placeholders."""

    order: Any
    link: str

    def paths(self, who: str) -> list[str]:
        return [path.format(id=self.order["id"], link=self.link) for path in PAGES[who]]


def shape(rule: str) -> str:
    """A rule of Flask's without what its arguments may be, as in `NO_PAGES`; the reader's side is `any`."""

    def plain(match: re.Match[str]) -> str:
        if match["converter"] == "any":
            return "any"
        return "<int>" if match["converter"] == "int" else f"<{match['name'].removeprefix('file')}>"

    return ARGUMENT.sub(plain, rule)


def looked_at() -> set[str]:
    """The shapes of all that is gone through."""
    plain = (path.partition("?")[0] for paths in PAGES.values() for path in paths)
    sided = (re.sub(r"^/(seller|buyer|operator|auditor)/(orders|messages)", r"/any/\2", path) for path in plain)
    return {path.replace("{id}", "<int>").replace("{link}", "/t/<link>") for path in sided}
