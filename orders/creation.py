"""Creating an order: the order, the first row of its history and the outbox entry of its effects, in one statement."""

from __future__ import annotations

import random
from typing import Any

import orjson
from psycopg2 import errors as pg
from sqlalchemy.exc import IntegrityError

import outbox
from access.principal import Principal
from foundation import logs, sql
from foundation.db import db
from foundation.errors import IdempotencyMismatch
from orders import details, json_sql, search
from orders.change_sql import EVENT
from orders.errors import DuplicateExternalId, DuplicateNumber
from orders.lines import stored
from orders.outbox_entry import EVENT_TYPE, pending_of_creation
from orders.schemas import CreateOrderRequest
from orders.signals import OrderEvent
from orders.status_change import Changed, new_key
from orders.workflow import Workflow
from outbox.engine import Engine
from outbox.entries import OutboxEntry
from side_effects.effects import EventType

SQL = sql.beside(
    __file__,
    columns=EVENT,
    entry=outbox.insert(EVENT_TYPE, "e", pending=":effect_bits", request_id=":request_id", owner=":owner"),
    as_it_was=json_sql.AS_IT_WAS,
    head=json_sql.order_head("placed", ":role"),
    head_as_placed=json_sql.order_head(
        "o", ":role", status="e.to_status", version="e.version", updated_at="e.at", tracking="e.tracking"
    ),
    written=OrderEvent.WRITTEN,
)
PLACE = SQL.text("place")
PLACED_BEFORE = SQL.text("placed_before")

EXTERNAL_ID = "orders_external_id_key"
"""The index that an id of another order violates."""

COMPARED = (
    *("seller_id", "buyer_id", "items", "currency", "buyer_name", "buyer_email", "external_id", "parcels"),
    *("delivery", "note", "metadata", "tags", "tracking"),
)
"""What a repeated request must have sent before."""


class Creation:
    """Creates the orders of one process."""

    def __init__(self, workflow: Workflow, engine: Engine, event_type: EventType) -> None:
        self._workflow = workflow
        self._engine = engine
        self._event_type = event_type
        self._pending = pending_of_creation(event_type, workflow.initial)

    def create(self, principal: Principal, new: CreateOrderRequest, key: str = "", mark: str = "") -> Changed:
        """Create the order; the same key and body get the same order again, another body raises IdempotencyMismatch.

        Without a number, the id is used, with the mark appended if the seller already has such a number.
        """
        try:
            values = self._values(principal, new, key or new_key()) | {"mark": mark}
            entry_id, head, *event_row = db.session.execute(PLACE, values).one()
            db.session.commit()
        except IntegrityError as error:
            db.session.rollback()
            if not isinstance(error.orig, pg.UniqueViolation):
                raise
            if before := self._placed_before(principal, new, key):
                return before
            if error.orig.diag.constraint_name == EXTERNAL_ID:
                raise DuplicateExternalId from error
            if new.number is None and not mark:
                return self.create(principal, new, key, f"-{random.randrange(10**6):06}")
            raise DuplicateNumber(f"The seller already has an order with number {new.number}.") from error
        event = OrderEvent(*event_row)
        request_id = logs.request_id.get()
        self._engine.dispatch(
            OutboxEntry(entry_id, self._event_type, event.id, event.order_id, self._pending, request_id, event)
        )
        return self._changed(event.order_id, head, principal)

    def _values(self, principal: Principal, new: CreateOrderRequest, key: str) -> dict[str, object]:
        return {
            **details.parameters(_given(new)),
            "number": new.number,
            "total_minor": new.cost,
            "due": self._workflow.statuses[self._workflow.initial].due_seconds,
            "status": self._workflow.initial,
            "open": not self._workflow.statuses[self._workflow.initial].closed,
            "role": principal.role,
            "id": principal.id,
            "via": principal.via,
            "key": key,
            "request_id": logs.request_id.get(),
            "owner": self._engine.owner,
            "effect_bits": self._pending,
            "terms": search.terms(new.model_dump()),
        }

    def _placed_before(self, principal: Principal, new: CreateOrderRequest, key: str) -> Changed | None:
        """The order that this key created; None if the key was not the conflict."""
        values = {"key": key, "id": principal.id, "role": principal.role}
        row = db.session.execute(PLACED_BEFORE, values).one_or_none() if key else None
        if row is None:
            return None
        head, order_id, number, type, *stored = row
        sent = _given(new)
        if type != "order.created" or new.number not in (None, number) or stored != [sent[name] for name in COMPARED]:
            raise IdempotencyMismatch
        return self._changed(order_id, head, principal)

    def _changed(self, order_id: int, head: str, principal: Principal) -> Changed:
        allowed = self._workflow.targets_json(self._workflow.initial, principal.role)
        return Changed(order_id, f'{head},"allowed_transitions":{allowed}}}'.encode(), 1)


def _given(new: CreateOrderRequest) -> dict[str, Any]:
    """The values of the columns that the request gives."""
    return {
        **details.NONE,
        **details.columns(new, details.NONE),
        **{name: getattr(new, name) for name in ("seller_id", "buyer_id", "currency", "buyer_name", "buyer_email")},
        "items": orjson.dumps(stored(new.items)).decode(),
    }
