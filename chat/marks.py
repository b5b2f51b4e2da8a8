"""Seen marks: up to where each person has seen an order's conversation, and how much of it they have not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import outbox
from access.actors import actor_json, reader_of
from access.principal import Principal
from chat.effects import SEEN
from chat.messages import Parties, reads_notes
from foundation import logs, sql
from foundation.db import commit, db
from outbox.engine import Engine
from outbox.entries import OutboxEntry

COUNT_LIMIT = 1000
"""Unread messages are counted up to this limit; beyond it nobody needs the number, and counting would cost."""

SQL = sql.beside(
    __file__,
    entry=outbox.insert(SEEN, "moved", pending=":pending", request_id=":request_id", owner=":owner"),
    reader=actor_json("k.reader_role", "k.reader_id", "k.reader_via", ":role"),
    count_limit=COUNT_LIMIT,
)
SEE = SQL.text("see")
MARKS = SQL.text("marks")
UNREAD = SQL.text("unread")
UNREAD_ORDERS = SQL.text("unread_orders")


@dataclass(frozen=True)
class SeenState:
    """How far a conversation was read."""

    unread: int
    """Messages that this person has not seen, counted up to 1,000; their own are none of them."""

    marks: str
    """Who has seen it up to where, as a JSON array."""


def see(engine: Engine, principal: Principal, order_id: int, parties: Parties, up_to: int) -> None:
    """Note that this person has seen everything up to this message; a mark never moves back."""
    event_type = engine.event_types[SEEN]
    values = {
        **_person(principal),
        "order_id": order_id,
        "seller_id": parties.seller_id,
        "buyer_id": parties.buyer_id,
        "up_to": up_to,
        "pending": event_type.everything,
        "request_id": logs.request_id.get(),
        "owner": engine.owner,
    }
    moved = db.session.execute(SEE, values).one_or_none()
    if moved is None:
        commit()
    else:
        mark_id, entry_id = moved
        entry = OutboxEntry(entry_id, event_type, mark_id, order_id, event_type.everything, logs.request_id.get())
        commit(lambda: engine.dispatch(entry))


def reading(principal: Principal, order_id: int) -> SeenState:
    """How far this conversation was read, as this person may know it."""
    unread: int = db.session.execute(UNREAD, {**_person(principal), "order_id": order_id}).scalar_one()
    marks: str = db.session.execute(MARKS, {"order_id": order_id, "role": reader_of(principal)}).scalar_one()
    return SeenState(unread, marks)


def unread_orders(principal: Principal, order_ids: Sequence[int]) -> set[int]:
    """Those of these orders, which this person may see, in which somebody else has written what they have not seen."""
    return set(db.session.scalars(UNREAD_ORDERS, {**_person(principal), "ids": list(order_ids)}))


def _person(principal: Principal) -> dict[str, object]:
    return {
        "role": principal.role,
        "id": principal.id,
        "via": principal.via or "",
        "notes": reads_notes(principal),
    }
