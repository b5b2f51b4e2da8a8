"""Lookups of the hot path, if its statement (orders/change_sql.py) did nothing, and that of an undo."""

from __future__ import annotations

from foundation import sql
from orders import json_sql
from orders.change_sql import EVENT, MOVES, PARTY
from orders.outbox_entry import EVENT_TYPE
from side_effects.liveness import HELD

PATIENT = "SET LOCAL lock_timeout = '2s';"
"""Before what only reads, on the connections of batches: a change of a table locks it for longer than a row."""

HEAD_OF_THEN = json_sql.order_head(
    "o",
    "w.actor_role",
    status="e.to_status",
    version="e.version",
    updated_at="e.at",
    tracking=json_sql.TRACKING_THEN,
)
"""An order as it was after the event `e`."""

SQL = sql.beside(
    __file__,
    as_it_was=json_sql.AS_IT_WAS,
    event=json_sql.event_json("e", reader="w.role"),
    event_columns=EVENT,
    event_type=EVENT_TYPE,
    events=json_sql.EVENTS,
    head=json_sql.order_head("o", "w.role"),
    head_of_then=HEAD_OF_THEN,
    held=HELD,
    moves=MOVES,
    party=PARTY.format(seller="w.seller_id", buyer="w.buyer_id"),
)
FIND_BY_KEY = SQL.prepared("find_by_key", PATIENT)
WHY_NOT = SQL.prepared("why_not", PATIENT)
LATEST = SQL.prepared("latest", PATIENT)
