"""The page of the board, and whether it or the list is shown first."""

from __future__ import annotations

from flask import Blueprint, flash, make_response, redirect, request
from flask.typing import ResponseReturnValue

from access import guards
from dashboard import parts
from dashboard.columns import STRETCH, read_board
from dashboard.context import PageContext
from dashboard.pages import FormError, order_page, page, protect
from orders import board

MANY_OPEN = 200
"""With more open orders than this, the list is shown first."""

CHOICE = "onward_orders"
"""The cookie that remembers whether board or list was chosen."""

VIEWS = ("board", "list")
ONE_YEAR = 365 * 24 * 3600


def blueprint(context: PageContext) -> Blueprint:
    """`/<role>/orders`: the board, or the list where there is too much for one."""
    pages = Blueprint("board", __name__)
    protect(pages, context)

    @pages.get("/<any(seller, operator, auditor):side>/orders")
    def board_or_list(side: str) -> ResponseReturnValue:
        principal = guards.require(side)
        asked = request.args.get("view")
        chosen = asked if asked in VIEWS else request.cookies.get(CHOICE)
        if parts.wanted():
            return board_page(context)
        if chosen not in VIEWS:
            chosen = "list" if board.has_more_open_than(principal, MANY_OPEN) else "board"
        home = context.view(principal.role).home
        response = make_response(redirect(f"{home}/list", 303) if chosen == "list" else board_page(context))
        if asked in VIEWS:
            response.set_cookie(
                CHOICE, chosen, max_age=ONE_YEAR, secure=request.is_secure, httponly=True, samesite="Lax"
            )
        return response

    return pages


def board_page(context: PageContext, form_error: FormError | None = None) -> str:
    """All open orders by status."""
    principal = guards.current()
    view = context.view(principal.role)
    names = parts.wanted()
    first = {status: status for status in view.open}
    after = request.args.get("after", "")
    if match := STRETCH.fullmatch(after):
        first |= {match[1]: after} if match[1] in first else {}
    columns = [one.argument or "" for one in names if one.name == "column"] if names else first.values()
    asked = {one.name for one in names}
    found = read_board(
        context,
        principal,
        list(dict.fromkeys(columns)),
        not names or "closed" in asked,
        not names or bool(asked & {"title", "count"}),
    )
    if form_error and names:
        flash(form_error.text, "error")  # the script shows it beside the card, wherever that is now
    elif form_error and form_error.order_id not in {order["id"] for order in found.orders}:
        # Its card is no longer on the board: show the order's own page.
        return order_page(context, form_error.order_id, form_error)
    path = view.home + (f"?after={after}" if after and after in first.values() else "")
    return page(context, "board.html", path=path, board=found, first=first, form_error=form_error)
