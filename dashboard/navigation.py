"""The pages that each role is offered: the one table behind the rail, the palette and the shortcuts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from flask import Flask
from werkzeug.exceptions import HTTPException

from dashboard.context import ROLES
from foundation.languages import N_

WATCHING = ("operator", "auditor")


@dataclass(frozen=True)
class PageEntry:
    """A page."""

    path: str
    """With `{role}` for the reader's."""

    label: str
    icon: str
    roles: Collection[str] = ROLES
    key: str = ""
    """The key that follows `g` in its shortcut."""

    rail: bool = True
    """Whether it is always in sight, and not only found by its name."""


TABLE = (
    PageEntry("/{role}/orders", N_("Orders"), "box", key="o"),
    PageEntry("/support", N_("Support"), "search", WATCHING, key="s"),
    PageEntry("/ops", N_("Operations"), "activity", WATCHING, key="d"),
    PageEntry("/{role}/messages", N_("Messages"), "message", ("seller",), key="m"),
    PageEntry("/inbox", N_("Inbox"), "bell", ("seller", "buyer"), key="n"),
    PageEntry("/seller/webhooks", N_("Webhooks"), "plug", ("seller",), key="w"),
    PageEntry("/settings", N_("Settings"), "sliders", key="t"),
    PageEntry("/{role}/orders/list", N_("All orders"), "box", key="l", rail=False),
    PageEntry("/preferences", N_("How you are notified"), "bell", rail=False),
    PageEntry("/settings/shop", N_("Your shop"), "sliders", ("seller",), rail=False),
    PageEntry("/demo", N_("Demo"), "star", rail=False),
    PageEntry("/docs", N_("API reference"), "plug", rail=False),
)


class Navigation:
    """The table, as far as this application has the pages."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._by_role: dict[str, list[PageEntry]] = {}

    def __call__(self, role: str) -> list[PageEntry]:
        """What this role is offered."""
        if role not in self._by_role:
            meant = (replace(one, path=one.path.format(role=role)) for one in TABLE if role in one.roles)
            self._by_role[role] = [entry for entry in meant if self._has(entry.path)]
        return self._by_role[role]

    def _has(self, path: str) -> bool:
        try:
            self._app.url_map.bind("localhost").match(path, method="GET")
        except HTTPException:
            return False
        return True


def current(entries: Collection[PageEntry], path: str) -> str:
    """The path of the entry that this page belongs to: the longest that its own begins with."""
    fitting = [one.path for one in entries if path == one.path or path.startswith((f"{one.path}/", f"{one.path}?"))]
    return max(fitting, key=len, default="")
