"""Reading orders, each principal its own: another principal's order is not found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from access.actors import reader_of
from access.principal import Principal
from chat.messages import Parties
from foundation import sql
from foundation.db import db
from foundation.errors import NotFound
from foundation.languages import N_
from orders import json_sql
from orders.workflow import Workflow

SQL = sql.beside(
    __file__,
    event=json_sql.event_json("e", reader=":role"),
    events=json_sql.EVENTS,
    head=json_sql.order_head("o", ":role"),
)
ORDER = SQL.text("order")
PARTIES = SQL.text("parties")
HISTORY = SQL.text("history")
CHANGES = SQL.text("changes")

NUMBER_OF_ORDER = "(SELECT ltrim(number, '#') FROM orders WHERE id = order_id)"
"""SQL for the number of the order `order_id`, for packages that know no more of orders."""

PAGE = 200
"""Events of a history; hardly an order has a tenth as many."""


def order(workflow: Workflow, principal: Principal, order_id: int) -> tuple[str, int]:
    """An order as JSON text and its version; raises NotFound if it does not exist or is not this principal's."""
    row = db.session.execute(ORDER, mine(principal) | {"order_id": order_id, "role": principal.role}).one_or_none()
    if row is None:
        raise NotFound(N_("No such order."))
    status, version, head = row
    return ended(head, workflow, status, principal), version


def parties(principal: Principal, order_id: int) -> Parties:
    """The two sides of an order; raises NotFound if it does not exist or is not this principal's."""
    row = db.session.execute(PARTIES, mine(principal) | {"order_id": order_id}).one_or_none()
    if row is None:
        raise NotFound(N_("No such order."))
    return Parties(*row)


@dataclass(frozen=True)
class Past:
    """One event of an order's history."""

    id: int
    version: int
    effect_bits: int
    text: str
    """JSON."""


def history(principal: Principal, order_id: int, after: int = 0, limit: int = PAGE) -> tuple[list[Past], int | None]:
    """The order's events after that version, oldest first, and the cursor of the next page; raises NotFound."""
    parties(principal, order_id)
    values = {"order_id": order_id, "after": after, "limit": limit + 1, "role": reader_of(principal)}
    rows = db.session.execute(HISTORY, values).all()
    events = [Past(*row) for row in rows[:limit]]
    return events, events[-1].version if len(rows) > limit else None


@dataclass(frozen=True)
class ChangeAbout:
    """What a notification is about."""

    id: int
    type: str
    to_status: str
    number: str


def changes(ids: Sequence[int]) -> dict[int, ChangeAbout]:
    """The events with these ids, whosever they are."""
    rows = db.session.execute(CHANGES, {"ids": list(ids)}) if ids else ()
    return {row[0]: ChangeAbout(*row) for row in rows}


def rows(sql: str, values: Mapping[str, object]) -> Sequence[Any]:
    """The rows of a composed query, which names only some of these values."""
    statement = text(sql)
    return db.session.execute(statement, {name: values[name] for name in statement._bindparams}).all()


def side(principal: Principal) -> str:
    """SQL that limits orders `o` to a seller's or a buyer's own, in a form that an index can serve; otherwise
    `true`."""
    return f"o.{principal.role}_id = :{principal.role}" if principal.role in ("seller", "buyer") else "true"


def mine(principal: Principal) -> dict[str, object]:
    """The parameters of PARTY and of `side`."""
    return {"seller": principal.seller_id, "buyer": principal.buyer_id}


def ended(head: str, workflow: Workflow, status: str, principal: Principal) -> str:
    """An order's text with the statuses that this principal may set next."""
    return f'{head},"allowed_transitions":{workflow.targets_json(status, principal.role)}}}'
