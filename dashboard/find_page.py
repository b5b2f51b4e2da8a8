"""Finds orders and pages by what somebody types; the palette shows the same as a part."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Blueprint, request

from access import guards
from access.principal import Principal
from dashboard.context import PageContext
from dashboard.navigation import Navigation, PageEntry
from dashboard.pages import page, protect
from foundation.errors import InvalidRequest
from foundation.languages import gettext
from orders import listing

MOST_CHARACTERS = 100
MOST_ORDERS = 8


def blueprint(context: PageContext, navigation: Navigation) -> Blueprint:
    """`/find`, for all roles."""
    pages = Blueprint("find_page", __name__)
    protect(pages, context)

    @pages.get("/find")
    def find() -> str:
        principal = guards.current()
        typed = request.args.get("q", "").replace("\x00", "").strip()[:MOST_CHARACTERS]
        offered = navigation(principal.role)
        return page(
            context,
            "find.html",
            typed=typed,
            orders=_orders(context, principal, typed),
            entries=[entry for entry in offered if _fits(entry, typed)],
            searches=_searches(context.view(principal.role).home, offered, typed),
        )

    return pages


def _orders(context: PageContext, principal: Principal, typed: str) -> list[dict[str, Any]]:
    """The newest that fit; none for what cannot be searched for."""
    if not typed:
        return []
    try:
        texts, _ = listing.page(context.workflow, principal, listing.Wanted(terms=typed, limit=MOST_ORDERS))
    except InvalidRequest:
        return []
    return [orjson.loads(text) for text in texts]


def _fits(entry: PageEntry, typed: str) -> bool:
    return typed.casefold() in gettext(entry.label).casefold()


def _searches(home: str, offered: list[PageEntry], typed: str) -> list[str]:
    """Where the same search finds more: all orders, and people for who has the page of support."""
    paths = [f"{home}/list", *(entry.path for entry in offered if entry.path == "/support")]
    return [f"{path}?{urlencode({'q': typed})}" for path in paths] if typed else []
