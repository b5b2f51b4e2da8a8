"""Creating an order: the order, the first row of its history and the outbox entry of its effects, in one statement."""

from __future__ import annotations

import random

import orjson
from psycopg2 import errors as pg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import outbox
from access.principal import Principal
from foundation import logs, sql
from foundation.db import db
from foundation.errors import IdempotencyMismatch
from orders import json_sql
from orders.errors import DuplicateNumber
from orders.outbox_entry import EVENT_TYPE, pending_of_creation
from orders.schemas import NewOrder
from orders.signals import OrderEvent
from orders.statements import EVENT
from orders.status_change import Changed, new_key
from orders.workflow import Workflow
from outbox.engine import Engine
from outbox.entries import OutboxEntry
from side_effects.effects import EventType

PLACE = text(
    f"""WITH fresh AS (SELECT nextval(pg_get_serial_sequence('orders', 'id')) AS id, clock_timestamp() AS at),
    placed AS (
        INSERT INTO orders (id, number, status, open, seller_id, buyer_id, buyer_name, buyer_email, items,
               total_minor, currency, created_at, updated_at)
        SELECT id, coalesce(:number, id || :mark), :status, :open, :seller_id, :buyer_id, :buyer_name, :buyer_email,
               :items, :total_minor, :currency, at, at FROM fresh
        RETURNING *),
    e AS (
        INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, seller_id, buyer_id,
               effect_bits, idempotency_key, request_id, at)
        SELECT id, version, 'order.created', status, :role, :id, seller_id, buyer_id,
               :effect_bits, :key, :request_id, created_at
        FROM placed RETURNING {OrderEvent.WRITTEN}),
    entry AS (
        {outbox.insert(EVENT_TYPE, "e", pending=":effect_bits", request_id=":request_id", owner=":owner")})
    SELECT entry.id, {json_sql.order_head("placed")}, {EVENT} FROM placed, e, entry"""
)

SQL = sql.beside(
    __file__,
    head_as_placed=json_sql.order_head(
        "o", status="e.to_status", version="e.version", updated_at="e.at", tracking="NULL::json"
    ),
)
PLACED_BEFORE = SQL.text("placed_before")


class Creation:
    """Creates the orders of one process."""

    def __init__(self, workflow: Workflow, engine: Engine, event_type: EventType) -> None:
        self._workflow = workflow
        self._engine = engine
        self._event_type = event_type
        self._pending = pending_of_creation(event_type, workflow.initial)

    def create(self, principal: Principal, new: NewOrder, key: str = "", mark: str = "") -> Changed:
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
            if new.number is None and not mark:
                return self.create(principal, new, key, f"-{random.randrange(10**6):06}")
            raise DuplicateNumber(f"The seller already has an order with number {new.number}.") from error
        event = OrderEvent(*event_row)
        request_id = logs.request_id.get()
        self._engine.dispatch(
            OutboxEntry(entry_id, self._event_type, event.id, event.order_id, self._pending, request_id, event)
        )
        return self._changed(event.order_id, head, principal)

    def _values(self, principal: Principal, new: NewOrder, key: str) -> dict[str, object]:
        return {
            **new.model_dump(exclude={"items"}),
            "items": _items(new),
            "total_minor": new.total_minor,
            "status": self._workflow.initial,
            "open": not self._workflow.statuses[self._workflow.initial].final,
            "role": principal.role,
            "id": principal.id,
            "key": key,
            "request_id": logs.request_id.get(),
            "owner": self._engine.owner,
            "effect_bits": self._pending,
        }

    def _placed_before(self, principal: Principal, new: NewOrder, key: str) -> Changed | None:
        """The order that this key created; None if the key was not the conflict."""
        values = {"key": key, "id": principal.id, "role": principal.role}
        row = db.session.execute(PLACED_BEFORE, values).one_or_none() if key else None
        if row is None:
            return None
        head, order_id, seller, buyer, items, currency, name, email, number, type = row
        stored = (seller, buyer, items, currency, name, email, "order.created")
        sent = (new.seller_id, new.buyer_id, _items(new), new.currency, new.buyer_name, new.buyer_email, type)
        if stored != sent or new.number not in (None, number):
            raise IdempotencyMismatch
        return self._changed(order_id, head, principal)

    def _changed(self, order_id: int, head: str, principal: Principal) -> Changed:
        allowed = self._workflow.targets_json(self._workflow.initial, principal.role)
        return Changed(order_id, f'{head},"allowed_transitions":{allowed}}}'.encode(), 1)


def _items(new: NewOrder) -> str:
    return orjson.dumps([item.model_dump() for item in new.items]).decode()
