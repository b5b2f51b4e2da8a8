"""The SQL of the hot path: the one statement that does everything, and the two lookups that are made if it did
nothing."""

from __future__ import annotations

from dataclasses import replace

import outbox
from foundation import sql
from foundation.connections import Statement
from orders import json_sql
from orders.outbox_entry import EVENT_TYPE
from orders.signals import OrderEvent

PARTY = "({seller}::bigint IS NULL OR o.seller_id = {seller}) AND ({buyer}::bigint IS NULL OR o.buyer_id = {buyer})"
EVENT = ", ".join(f"e.{name}" for name in OrderEvent.COLUMNS.split(", "))

WANTED = """json_to_recordset($1) AS w (place int, order_id bigint, status text, sources text[], seller_id bigint,
             buyer_id bigint, version int, open boolean, tracking json, actor_role text, actor_id bigint,
             actor_via text, reason text, key text, keyed boolean, request_id text)"""
MAY_MOVE = f"""o.status = ANY(w.sources)
          AND (w.version IS NULL OR o.version = w.version)
          AND {PARTY.format(seller="w.seller_id", buyer="w.buyer_id")}"""

CHANGE_STATUS = Statement(
    "change_status",
    ("json", "bigint"),
    f"""WITH moved AS (
        UPDATE orders o SET prev_status = o.status, status = w.status, version = o.version + 1, open = w.open,
               closed_as = CASE WHEN NOT w.open THEN w.status END,
               tracking = coalesce(w.tracking, o.tracking), updated_at = clock_timestamp()
        FROM {WANTED}
        WHERE o.id = w.order_id AND {MAY_MOVE}
        RETURNING w.place, w.actor_role, w.actor_id, w.actor_via, w.reason, w.tracking AS new_tracking, w.key,
                  w.request_id,
                  o.prev_status, {", ".join(f"o.{name}" for name in json_sql.ORDER_MEMBERS)}),
    e AS (
        INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, actor_via,
               seller_id, buyer_id, tracking, effect_bits, idempotency_key, request_id, at)
        SELECT id, version, 'order.status_changed', prev_status, status, actor_role, actor_id, actor_via,
               seller_id, buyer_id, new_tracking, {{effect_bits}}, key, request_id, updated_at FROM moved
        RETURNING {OrderEvent.WRITTEN}, request_id, effect_bits),
    entry AS (
        {outbox.insert(EVENT_TYPE, "e", pending="effect_bits", request_id="request_id", owner="$2", now="at")})
    SELECT moved.place, entry.id, e.effect_bits, {json_sql.order_head("moved")},
        {EVENT.replace("e.reason", "moved.reason")}
    FROM e JOIN moved ON moved.id = e.order_id JOIN entry ON entry.event_id = e.id""",
)
"""$1: changes of different orders, each with its position, which is returned with its result; a change that found
nothing to update is returned with no row. $2: the process that will complete the entries."""

REASONS = """reasons AS (
        INSERT INTO order_reasons (event_id, reason)
        SELECT e.id, moved.reason FROM moved JOIN e ON e.order_id = moved.id WHERE moved.reason IS NOT NULL),
    """

UNUSED = """
          AND (w.keyed IS NULL OR NOT EXISTS (SELECT FROM order_events k
               WHERE k.idempotency_key = w.key AND k.actor_id = w.actor_id AND k.actor_role = w.actor_role))"""

FREE = f"""WITH matching AS MATERIALIZED (
        SELECT w.* FROM {WANTED} JOIN orders o ON o.id = w.order_id WHERE {MAY_MOVE}{UNUSED}),
    free AS MATERIALIZED (
        SELECT w.* FROM matching w JOIN orders o ON o.id = w.order_id WHERE {MAY_MOVE}
        ORDER BY w.order_id FOR NO KEY UPDATE OF o SKIP LOCKED),
    moved AS ("""

HELD = f"""
    UNION ALL SELECT place{", NULL" * (3 + len(OrderEvent.COLUMNS.split(", ")))} FROM matching
    WHERE place NOT IN (SELECT place FROM free)"""


def change_status(reasons: bool = False, free: bool = False) -> Statement:
    """The statement with the parts that a batch needs. Most need none, and each costs a tenth even if it does nothing.

    `reasons`: a change has one. `free`: a client's key that was used already changes nothing, instead of failing the
    batch by the unique index, and orders that another session has locked are not waited for: they are returned with
    their position and nothing else.
    """
    name, composed = CHANGE_STATUS.name, CHANGE_STATUS.sql
    if reasons:
        name, composed = f"{name}_reasons", composed.replace("entry AS (", f"{REASONS}entry AS (")
    if free:
        name, composed = (
            f"{name}_free",
            composed.replace(f"FROM {WANTED}", "FROM free w").replace("WITH moved AS (", FREE) + HELD,
        )
        # By key, so that no two of these wait for each other's entries in the index of keys.
        composed = composed.replace("updated_at FROM moved", "updated_at FROM moved ORDER BY key")
    return replace(CHANGE_STATUS, name=name, sql=composed)


PATIENT = "SET LOCAL lock_timeout = '2s';"
"""Before what only reads, on the connections of batches: a change of a table locks it for longer than a row."""

HEAD_OF_THEN = json_sql.order_head(
    "o",
    status="e.to_status",
    version="e.version",
    updated_at="e.at",
    tracking="""(SELECT t.tracking FROM order_events t WHERE t.order_id = e.order_id
        AND t.version <= e.version AND t.tracking IS NOT NULL ORDER BY t.version DESC LIMIT 1)""",
)
"""An order as it was after the event `e`."""

SQL = sql.beside(
    __file__,
    event=json_sql.event_json("e", reader="w.role"),
    event_columns=EVENT,
    event_type=EVENT_TYPE,
    events=json_sql.EVENTS,
    head=json_sql.order_head("o"),
    head_of_then=HEAD_OF_THEN,
    party=PARTY.format(seller="w.seller_id", buyer="w.buyer_id"),
)
FIND_BY_KEY = SQL.prepared("find_by_key", PATIENT)
WHY_NOT = SQL.prepared("why_not", PATIENT)
