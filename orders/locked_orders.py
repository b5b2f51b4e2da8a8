"""Changes of an order that leave its status as it is: it is locked and read, then one statement writes the order, a row
of the history, the values beside it, and the outbox entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

import outbox
from access.actors import reader_of
from access.principal import Principal
from foundation import logs, sql
from foundation.db import commit, db
from foundation.errors import NotFound
from orders import backfill, details, json_sql, queries
from orders.change_sql import EVENT
from orders.errors import StaleVersion
from orders.outbox_entry import EVENT_TYPE
from orders.signals import OrderEvent
from orders.status_change import Changed, new_key
from orders.workflow import Workflow
from outbox.engine import Engine
from outbox.entries import OutboxEntry
from side_effects.effects import EventType

EDITED_COLUMNS = ("buyer_name", "buyer_email", *details.NONE)
"""What an edit may write; part of its statement."""

SQL = sql.beside(
    __file__,
    columns=EVENT,
    edited=", ".join(EDITED_COLUMNS),
    entry=outbox.insert(EVENT_TYPE, "e", pending=":effect_bits", request_id=":request_id", owner=":owner", now="at"),
    event=json_sql.event_json("e", reader=":role"),
    events=json_sql.EVENTS,
    head=json_sql.order_head("o", ":role"),
    head_edited=json_sql.order_head("edited", ":role"),
    of_order=", ".join(f"o.{name}" for name in EDITED_COLUMNS),
    of_values=", ".join(f"new.{name}" for name in EDITED_COLUMNS),
    written=OrderEvent.WRITTEN,
)
LOCK = SQL.text("lock")
LAST_EVENT = SQL.text("last_event")
EDIT = SQL.text("edit")


class LockedOrders:
    """Locks orders of one process, and writes what happens to them beside changes of their status."""

    def __init__(self, workflow: Workflow, engine: Engine, event_type: EventType) -> None:
        self.workflow = workflow
        self.event_type = event_type
        self._engine = engine

    def lock(self, principal: Principal, order_id: int, version: int | None = None) -> Any:
        """The order's row, which nobody else changes until the session commits; raises NotFound, or StaleVersion if it
        does not have this version."""
        values = queries.mine(principal) | {"order_id": order_id, "role": principal.role}
        order = db.session.execute(LOCK, values).one_or_none()
        if order is None:
            raise NotFound("No such order.")
        if version is not None and version != order.version:
            detail = f"The order is at version {order.version}, not {version}."
            raise StaleVersion(detail, self.refusal(order, principal))
        return order

    def refusal(self, order: Any, principal: Principal) -> dict[str, Any]:
        """The members of a refusal: the order as it is, and its last change."""
        values = {"order_id": order.id, "role": reader_of(principal)}
        changed = db.session.execute(LAST_EVENT, values).scalar_one_or_none()
        return {
            "current": orjson.Fragment(self.unchanged(order, principal).order),
            "allowed_transitions": self.workflow.targets(order.status, principal.role),
            "changed": orjson.Fragment(changed or "null"),
        }

    def unchanged(self, order: Any, principal: Principal) -> Changed:
        """The locked order as this principal reads it."""
        text = queries.ended(order.head, self.workflow, order.status, principal)
        return Changed(order.id, text.encode(), order.version)

    def write(
        self,
        principal: Principal,
        order_id: int,
        type: str,
        effect_bits: int,
        changed: Sequence[str] = (),
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> Changed:
        """Write one event of this type, and commit; its effects follow. `after` has the new values of columns, `before`
        the old ones."""
        request_id = logs.request_id.get()
        values = {
            "order_id": order_id,
            "type": type,
            "changed": list(changed),
            "before": before and orjson.dumps(before).decode(),
            "after": orjson.dumps(after or {}).decode(),
            "role": principal.role,
            "id": principal.id,
            "via": principal.via,
            "effect_bits": effect_bits,
            "key": new_key(),
            "request_id": request_id,
            "owner": self._engine.owner,
        }
        entry_id, status, head, *event_row = db.session.execute(EDIT, values).one()
        backfill.refold(order_id)
        event = OrderEvent(*event_row)
        entry = OutboxEntry(entry_id, self.event_type, event.id, order_id, effect_bits, request_id, event)
        commit(lambda: self._engine.dispatch(entry))
        return Changed(order_id, queries.ended(head, self.workflow, status, principal).encode(), event.version)
