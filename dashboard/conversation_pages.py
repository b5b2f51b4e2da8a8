"""The page of all conversations about orders: who has written, and what was not seen yet."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from access import guards
from dashboard.context import PageContext
from dashboard.flags import shops_of
from dashboard.pages import page, protect
from orders.conversations import conversations


def blueprint(context: PageContext) -> Blueprint:
    """`/<role>/messages`, for who answers buyers, and who reads along."""
    pages = Blueprint("conversations", __name__)
    protect(pages, context)

    @pages.get("/<any(seller, operator, auditor):side>/messages")
    def messages(side: str) -> ResponseReturnValue:
        principal = guards.require(side)
        found = conversations(principal)
        return page(context, "conversations.html", conversations=found, shops=shops_of(principal, found))

    return pages
