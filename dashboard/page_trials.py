"""Tries pages whose template an operator has replaced, with an example of an order in every status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader

from access.principal import Principal
from chat.routes import Message
from dashboard import messages, timeline
from dashboard.brand import Brand
from dashboard.buyer_list import BuyerList, Month
from dashboard.buyer_pages import Step
from dashboard.columns import Board, ColumnPage
from dashboard.context import PageContext
from dashboard.flags import FlagsOfMany
from dashboard.role_views import Action
from foundation.contract import example_of
from foundation.own_templates import Folder, TemplateTrial, problems_of
from foundation.settings import SettingsError
from orders.answers import HistoryEntry, Order
from orders.board import Stretch

FULL = {
    "items": [{"kind": "item", "sku": "MUG-1", "title": "Blue mug", "quantity": 2, "unit_price_minor": 1250}],
    "external_id": "erp-17",
    "parcels": [
        {"id": "1", "carrier": "DHL", "number": "00340", "url": "https://dhl.example", "expected_on": "2026-11-27"}
    ],
    "buyer_email": "alice@example.org",
    "delivery": {
        "name": "Alice Archer",
        "lines": ["12 Archway Road"],
        "city": "London",
        "postcode": "N19 3TU",
        "country": "GB",
        "phone": "+44 20",
    },
    "due_at": "2026-11-26T12:00:00+00:00",
    "late": True,
    "note": "Rings twice.",
    "metadata": {"channel": "web"},
    "tags": ["gift"],
}
"""What an order has beside its example, if everything is set."""


EVENT_AT = "2026-11-26T12:00:00+00:00"
OF_BUYER = {
    "brand": Brand("Bob's Mugs", "#0a7d55", "/shops/1/logo/1"),
    "expected": "2026-11-27",
    "offered": [
        Action("CANCELLED", "Cancel order", True, False, True),
        Action("COMPLETED", "Done", False, False, False),
    ],
    "converses": True,
    "link": "",
    "change_url": "/orders/1/status",
    "message_url": "/orders/1/messages",
}
"""What the buyer's page has beside the order."""


def use(app: Flask, path: Path) -> None:
    """Have the pages use the templates of this folder before ours; raises SettingsError if it is none."""
    if not path.is_dir():
        raise SettingsError([f"TEMPLATES_FOLDER: {path} is no folder."])
    ours = app.jinja_loader
    assert ours is not None
    app.jinja_loader = ChoiceLoader([FileSystemLoader(path), ours])


def check(app: Flask, path: Path, context: PageContext) -> None:
    """Raise SettingsError with a line for each mistake in the templates of this folder."""
    with app.test_request_context():
        if problems := problems_of(Folder(path), app.jinja_env, list(_trials(context))):
            raise SettingsError(problems)


def _trials(context: PageContext) -> Iterator[TemplateTrial]:
    for status in context.workflow.statuses:
        for template, role in (("tracking.html", "buyer"), ("track.html", "buyer"), ("order.html", "seller")):
            yield TemplateTrial(template, _frame(context, role) | _order_page(role, status) | OF_BUYER, status)
        way = {"page": "/t/1", "steps": [Step("Order placed", "done", EVENT_AT), Step("Delivered", "ahead")]}
        yield TemplateTrial("status.html", _frame(context, "buyer") | _order_page("buyer", status) | way, status)
        orders = [_order(status)]
        found = {"found": BuyerList(orders, [Month("November 2026", orders)], "1"), "terms": "mug", "wrong": ""}
        yield TemplateTrial("orders.html", _frame(context, "buyer") | found, status)
        first = {one: one for one in context.view("seller").open}
        pages = {one: ColumnPage(Stretch(one), orders if one == status else [], one == status) for one in first}
        board = Board(pages, [] if status in first else orders, {status: 1}, FlagsOfMany(), {})
        yield TemplateTrial("board.html", _frame(context, "seller") | {"board": board, "first": first}, status)


def _frame(context: PageContext, role: str) -> dict[str, Any]:
    """What every page is given."""
    return {
        "view": _InLanguage(context, role),
        "me": Principal(role, 1),  # type: ignore[arg-type]
        "name": "Alice Archer",
        "theme": None,
        "demo": False,
        "unread": 1,
        "cursor": "1.1",
        "path": "/",
        "boot": {},
        "form_error": None,
    }


class _InLanguage:
    """What a role sees of the workflow, in the language of the rendering."""

    def __init__(self, context: PageContext, role: str) -> None:
        self._context, self._role = context, role

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context.view(self._role), name)


def _order_page(role: str, status: str) -> dict[str, Any]:
    event = dict.fromkeys(HistoryEntry.model_fields) | example_of(HistoryEntry)
    return {
        "order": _order(status),
        "events": [event | {"version": 1, "to_status": status, "changed": None}],
        "messages": [dict.fromkeys(Message.model_fields) | example_of(Message)],
        "earlier": 1,
        "later": True,
        "seen_marks": [],
        "link": None,
        "life": timeline.OrderLife(timeline.Timeline("all", [], [], []), []),
        "names": messages.actors(Principal(role, 1), "Alice Archer"),  # type: ignore[arg-type]
    }


def _order(status: str) -> dict[str, Any]:
    return dict.fromkeys(Order.model_fields) | example_of(Order) | FULL | {"status": status}
