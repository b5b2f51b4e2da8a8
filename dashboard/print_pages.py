"""Orders on paper: packing slips, one to a page, and a pick list of what is in all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from access import guards, sellers
from access.principal import Principal
from dashboard.context import PageContext
from dashboard.order_page import qr_code
from foundation.contract import LARGEST_ID
from foundation.errors import InvalidRequest
from foundation.languages import N_
from orders import queries

MOST_PRINTED = 100
IDS_ASKED = re.compile(rf"[1-9][0-9]{{0,15}}(,[1-9][0-9]{{0,15}}){{0,{MOST_PRINTED - 1}}}", re.ASCII)


@dataclass
class Picked:
    """One article, and how much of it which orders need."""

    sku: str
    title: str
    quantity: float = 0
    numbers: list[str] = field(default_factory=list)


def add_printing(pages: Blueprint, context: PageContext) -> None:
    """Add it to the pages of those who pack."""

    @pages.get("/<any(seller, operator, auditor):side>/print")
    def on_paper(side: str) -> ResponseReturnValue:
        principal = guards.require(side)
        orders = [_printed(context, principal, order_id) for order_id in _asked_ids()]
        return render_template(
            "print.html",
            view=context.view(principal.role),
            theme="light",  # paper is
            orders=orders,
            picked=picked(orders),
            as_list=request.args.get("as") == "list",
            qr_code=qr_code,
            shops={order["seller_id"]: sellers.name_of(order["seller_id"]) for order in orders},
        )


def picked(orders: Sequence[dict[str, Any]]) -> list[Picked]:
    """The articles of all these orders, each once, by their SKU; shipping and discounts are none."""
    found: dict[tuple[str, str], Picked] = {}
    for order in orders:
        for item in order["items"]:
            if item.get("kind") not in (None, "item"):
                continue
            sku, title = item.get("sku") or "", item["title"]
            one = found.setdefault((sku, "" if sku else title), Picked(sku, title))
            one.quantity += item["quantity"]
            one.numbers.append(order["number"])
    return sorted(found.values(), key=lambda one: (one.sku, one.title))


def _asked_ids() -> list[int]:
    """The orders that are asked for, each once, in their sequence; raises InvalidRequest."""
    asked = request.args.get("orders", "")
    ids = [int(one) for one in asked.split(",")] if IDS_ASKED.fullmatch(asked) else []
    if not ids or max(ids) > LARGEST_ID:
        raise InvalidRequest(N_("Name the orders to print, 100 at most, as in orders=1,2,3."))
    return list(dict.fromkeys(ids))


def _printed(context: PageContext, principal: Principal, order_id: int) -> dict[str, Any]:
    order: dict[str, Any] = orjson.loads(queries.order(context.workflow, principal, order_id)[0])
    return order
