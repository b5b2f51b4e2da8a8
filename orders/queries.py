"""Read orders, each principal its own: somebody else's order is not there."""

from __future__ import annotations

from sqlalchemy import text

from access.principal import Principal
from chat.messages import Parties
from foundation.contract import LARGEST_ID
from foundation.db import db
from foundation.errors import InvalidRequest, NotFound
from orders import wire
from orders.workflow import Workflow

PARTY = " AND ".join(
    f"(CAST(:{side} AS bigint) IS NULL OR o.{side}_id = CAST(:{side} AS bigint))" for side in ("seller", "buyer")
)
ORDER = text(f"SELECT o.status, o.version, {wire.order_head('o')} FROM orders o WHERE o.id = :order_id AND {PARTY}")
PARTIES = text(f"SELECT o.seller_id, o.buyer_id FROM orders o WHERE o.id = :order_id AND {PARTY}")
HISTORY = text(
    f"""SELECT e.id, e.promised, {wire.event_json("e")}
    FROM order_events e WHERE e.order_id = :order_id ORDER BY e.version"""
)
LIST = f"""SELECT o.id, o.status, {wire.order_head("o")} FROM orders o
    WHERE o.id < :before {{conditions}} ORDER BY o.id DESC LIMIT :limit"""


def order(workflow: Workflow, principal: Principal, order_id: int) -> tuple[str, int]:
    """An order as JSON text and its version; NotFound when it is not there or not this principal's."""
    row = db.session.execute(ORDER, _mine(principal) | {"order_id": order_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such order.")
    status, version, head = row
    return _ended(head, workflow, status, principal), version


def parties(principal: Principal, order_id: int) -> Parties:
    """Whose order it is; NotFound when it is not there or not this principal's."""
    row = db.session.execute(PARTIES, _mine(principal) | {"order_id": order_id}).one_or_none()
    if row is None:
        raise NotFound("There is no such order.")
    return Parties(*row)


def history(principal: Principal, order_id: int) -> list[tuple[int, int, str]]:
    """The order's events, oldest first: id, bits of the promised effects, and JSON text."""
    parties(principal, order_id)
    return [(row[0], row[1], row[2]) for row in db.session.execute(HISTORY, {"order_id": order_id})]


def page(
    workflow: Workflow, principal: Principal, status: str | None = None, before: int = LARGEST_ID, limit: int = 50
) -> tuple[list[str], int | None]:
    """This principal's newest orders with an id below `before`, each as JSON text, and where the next page goes on."""
    if status is not None and status not in workflow.statuses:
        raise InvalidRequest(f"There is no status {status[:50]!r}.", {"statuses": list(workflow.statuses)})
    conditions = [f"o.{side}_id = :{side}" for side in ("seller", "buyer") if principal.role == side]
    if status is not None:
        # Only the open ones have an index of their own: one that held the status would make every change write it.
        conditions += ["o.status = :status", "NOT o.open" if workflow.statuses[status].final else "o.open"]
    sql = text(LIST.format(conditions="".join(f" AND {one}" for one in conditions)))
    values = _mine(principal) | {"status": status, "before": before, "limit": limit + 1}
    rows = db.session.execute(sql, {name: values[name] for name in sql._bindparams}).all()
    orders = [_ended(head, workflow, where, principal) for _, where, head in rows[:limit]]
    return orders, rows[limit - 1][0] if len(rows) > limit else None


def _mine(principal: Principal) -> dict[str, object]:
    return {"seller": principal.seller_id, "buyer": principal.buyer_id}


def _ended(head: str, workflow: Workflow, status: str, principal: Principal) -> str:
    return f'{head},"allowed_transitions":{wire.allowed(workflow, status, principal.role)}}}'
