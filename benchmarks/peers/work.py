"""The same work for every peer: the change in one statement, and the rows that follow from it.

For each change 2 notifications, 1 message and 6 live events, as many bytes in each as this service writes.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

import jwt
import orjson

DSN = os.environ["DATABASE_URL"].replace("+psycopg2", "")
SOURCES = {
    "CONFIRMED": ["PENDING"],
    "PREPARING": ["CONFIRMED"],
    "READY": ["PREPARING"],
    "SHIPPED": ["PREPARING", "READY"],
    "DELIVERED": ["READY", "SHIPPED"],
}

CHANGE = """
WITH moved AS (
    UPDATE orders o SET prev_status = o.status, status = $2, version = o.version + 1, updated_at = clock_timestamp()
    WHERE o.id = $1 AND o.status = ANY($3::text[]) AND o.seller_id = $4
    RETURNING o.id, o.number, o.prev_status, o.status, o.version, o.seller_id, o.buyer_id, o.buyer_name, o.items,
              o.total_minor, o.currency, o.tracking, o.created_at, o.updated_at),
e AS (
    INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id,
           buyer_id, idempotency_key, request_id, at)
    SELECT id, version, 'order.status_changed', prev_status, status, 'seller', seller_id, seller_id,
           buyer_id, $5, '', updated_at FROM moved
    RETURNING id)
SELECT e.id, moved.id, number, version, prev_status, status, seller_id, buyer_id, row_to_json(moved)::text
FROM moved, e
"""
COLUMNS = ("id", "order_id", "number", "version", "from_status", "to_status", "seller_id", "buyer_id", "order")

INSERT = {
    "notification": """INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7)""",
    "message": """INSERT INTO messages (kind, order_id, event_id, seller_id, buyer_id, body, buyer_body)
        VALUES ('system', $1, $2, $3, $4, $5, $6)""",
    "live": "INSERT INTO realtime_events (seq, channel, type, data) VALUES (nextval('realtime_seq'), $1, $2, $3)",
}

COMBINED = """
WITH n AS (
    INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
    SELECT $1::bigint, $2::bigint, * FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])),
m AS (
    INSERT INTO messages (kind, order_id, event_id, seller_id, buyer_id, body, buyer_body)
    VALUES ('system', $2::bigint, $1::bigint, $8, $9, $10, $11))
INSERT INTO realtime_events (seq, channel, type, data)
SELECT nextval('realtime_seq'), * FROM unnest($12::text[], $13::text[], $14::text[])
"""
"""All rows of one change at once."""

Change = dict[str, Any]
Row = tuple[str, tuple[Any, ...]]
"""Which INSERT, and its values."""

_sellers: dict[str, int] = {}


def seller_of(authorization: str) -> int:
    """Who holds this token; verified once, then remembered."""
    seller = _sellers.get(authorization)
    if seller is None:
        token = authorization.removeprefix("Bearer ")
        claims = jwt.decode(token, os.environ["JWT_SECRET"], ["HS256"], issuer="onward", audience="onward")
        seller = _sellers[authorization] = int(claims["sub"])
    return seller


def arguments(order_id: int, status: str, seller: int) -> tuple[Any, ...]:
    """The arguments of CHANGE."""
    return order_id, status, SOURCES[status], seller, f"{time.time_ns():x}-{secrets.token_hex(4)}"


def answer(change: Change) -> bytes:
    """The order as the client gets it."""
    allowed = [target for target, sources in SOURCES.items() if change["to_status"] in sources]
    return f'{change["order"][:-1]},"allowed_transitions":{orjson.dumps(allowed).decode()}}}'.encode()


def psycopg(statement: str) -> str:
    """The statement with psycopg2's placeholders; its values go in as `{"p1": ...}`."""
    return re.sub(r"\$(\d+)", r"%(p\1)s", statement)


def named(values: tuple[Any, ...]) -> dict[str, Any]:
    """Values for a statement from `psycopg`."""
    return {f"p{number}": value for number, value in enumerate(values, 1)}


def realtime_seller(change: Change) -> list[Row]:
    return [_status_changed(change, f"seller:{change['seller_id']}")]


def realtime_buyer(change: Change) -> list[Row]:
    return [_status_changed(change, f"buyer:{change['buyer_id']}")]


def notification_generic(change: Change) -> list[Row]:
    return _notification(change, "generic", "buyer", f"Order #{change['number']}", change["to_status"].title())


def notification_status(change: Change) -> list[Row]:
    return _notification(change, "status", "buyer", f"Your order #{change['number']} is {change['to_status']}.", "")


def signal(_change: Change) -> list[Row]:
    """The receivers of the peers do nothing, as the one of this service only counts."""
    return []


def chat_message(change: Change) -> list[Row]:
    seller, buyer, body = change["seller_id"], change["buyer_id"], f"Status changed to {change['to_status'].title()}"
    said = {"id": change["id"], "order_id": change["order_id"], "kind": "system", "body": body, "author": None}
    return [
        ("message", (change["order_id"], change["id"], seller, buyer, body, body)),
        _live(f"seller:{seller}", "message.created", "message", said),
        _live(f"buyer:{buyer}", "message.created", "message", said),
    ]


EFFECTS: tuple[Callable[[Change], list[Row]], ...] = (
    realtime_seller,
    realtime_buyer,
    notification_generic,
    notification_status,
    signal,
    chat_message,
)


def combined(change: Change) -> tuple[Any, ...]:
    """The arguments of COMBINED."""
    rows = [row for effect in EFFECTS for row in effect(change)]
    notifications = [values[2:] for kind, values in rows if kind == "notification"]
    message = next(values for kind, values in rows if kind == "message")
    live = [values for kind, values in rows if kind == "live"]
    return change["id"], change["order_id"], *_columns(notifications), *message[2:], *_columns(live)


def _columns(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _notification(change: Change, kind: str, role: str, title: str, body: str) -> list[Row]:
    recipient = change[f"{role}_id"]
    said = {"id": change["id"], "order_id": change["order_id"], "kind": kind, "title": title, "body": body}
    return [
        ("notification", (change["id"], change["order_id"], kind, role, recipient, title, body)),
        _live(f"{role}:{recipient}", "notification.created", "notification", said),
    ]


def _status_changed(change: Change, channel: str) -> Row:
    event = {name: value for name, value in change.items() if name != "order"}
    order = answer(change).decode()
    data = f'{{"type":"order.status_changed","order":{order},"event":{orjson.dumps(event).decode()}}}'
    return "live", (channel, "order.status_changed", data)


def _live(channel: str, type: str, name: str, said: Change) -> Row:
    return "live", (channel, type, orjson.dumps({"type": type, name: said}).decode())
