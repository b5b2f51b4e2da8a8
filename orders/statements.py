"""The SQL of the hot path: the one statement that does everything, and the two questions that are asked when it did
nothing."""

from __future__ import annotations

from foundation.connections import Statement
from orders import effects, wire
from orders.signals import OrderEvent
from side_effects.sweeper import LEASE_SECONDS

PARTY = "({seller}::bigint IS NULL OR o.seller_id = {seller}) AND ({buyer}::bigint IS NULL OR o.buyer_id = {buyer})"
EVENT = ", ".join(f"e.{name}" for name in OrderEvent.COLUMNS.split(", "))

CHANGE_STATUS = Statement(
    "change_status",
    (
        "bigint",
        "text",
        "text[]",
        "bigint",
        "bigint",
        "int",
        "boolean",
        "json",
        "text",
        "bigint",
        *["text"] * 3,
        "bigint",
    ),
    f"""WITH moved AS (
        UPDATE orders o SET prev_status = o.status, status = $2, version = o.version + 1, open = $7,
               tracking = coalesce($8, o.tracking), updated_at = clock_timestamp()
        WHERE o.id = $1 AND o.status = ANY($3) AND {PARTY.format(seller="$4", buyer="$5")}
          AND ($6 IS NULL OR o.version = $6)
        RETURNING o.id, o.prev_status, {", ".join(f"o.{name}" for name in wire.ORDER_MEMBERS[1:])}),
    e AS (
        INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id,
               buyer_id, reason, tracking, promised, idempotency_key, request_id, at)
        SELECT id, version, 'order.status_changed', prev_status, status, $9, $10, seller_id,
               buyer_id, $11, $8, {{everything}}, $12, $13, updated_at FROM moved
        RETURNING {OrderEvent.COLUMNS}),
    promised AS (
        INSERT INTO outbox (topic, subject_id, ref, pending, request_id, owner, lease_until)
        SELECT '{effects.TOPIC}', id, order_id, {{everything}}, $13, $14, at + interval '{LEASE_SECONDS} s'
        FROM e RETURNING id)
    SELECT promised.id, {wire.order_head("moved")}, {EVENT} FROM moved, e, promised""",
)

FIND_BY_KEY = Statement(
    "find_by_key",
    ("text", "bigint", "text"),
    f"""SELECT (SELECT id FROM outbox WHERE topic = '{effects.TOPIC}' AND subject_id = e.id),
        {
        wire.order_head(
            "o",
            status="e.to_status",
            version="e.version",
            updated_at="e.at",
            tracking='''(SELECT t.tracking FROM order_events t WHERE t.order_id = e.order_id
                AND t.version <= e.version AND t.tracking IS NOT NULL ORDER BY t.version DESC LIMIT 1)''',
        )
    }, {EVENT}, e.tracking::text
    FROM order_events e JOIN orders o ON o.id = e.order_id
    WHERE e.idempotency_key = $1 AND e.actor_id = $2 AND e.actor_role = $3""",
)

WHY_NOT = Statement(
    "why_not",
    ("bigint", "bigint", "bigint"),
    f"""SELECT o.status, o.version, {wire.order_head("o")}, (
        SELECT {wire.event_json("e")} FROM order_events e WHERE e.order_id = o.id AND e.version = o.version)
    FROM orders o WHERE o.id = $1 AND {PARTY.format(seller="$2", buyer="$3")}""",
)
