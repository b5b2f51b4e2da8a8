"""Deliveries of people's messages to the endpoints that asked for them (webhooks/); internal notes stay inside."""

from __future__ import annotations

from collections.abc import Mapping

from chat.effects import BITS, MESSAGE, MESSAGE_CREATED, WEBHOOK_BIT
from chat.messages import message_json
from foundation import sql
from side_effects.effects import DurableEffect, Run, WrittenEffect, is_pending
from webhooks.deliveries import Deliveries
from webhooks.events import Fact, Readings
from webhooks.matching import deliveries

DELIVERIES = deliveries(
    "said",
    name="webhook_deliveries_of_messages",
    event_type=MESSAGE,
    type=f"'{MESSAGE_CREATED}'::text",
    where=f"{is_pending(WEBHOOK_BIT)} AND c.kind = 'person'",
)

SQL = sql.beside(__file__, message=message_json("m", "r.role"))
READ = SQL.prepared("read_messages")


def effects_of(webhooks: Deliveries) -> tuple[WrittenEffect, ...]:
    """One delivery for each endpoint, if this installation sends webhooks."""
    if not webhooks.keyring:
        return ()
    webhooks.readers[MESSAGE] = read
    fan_out = "webhook.fan_out_message"
    return (DurableEffect(BITS[WEBHOOK_BIT], WEBHOOK_BIT, DELIVERIES, handler=webhooks.kind, fans_out=fan_out),)


def read(run: Run, readings: Readings) -> Mapping[tuple[int, str], Fact]:
    """Messages as each reader may read them."""
    rows = run(READ, ([id for id, _ in readings], [role for _, role in readings]))
    return {
        (id, role): Fact(
            MESSAGE_CREATED, at, 1, f'"message":{text}', f'"message":{{"id":{id}}},"order":{{"id":{order_id}}}'
        )
        for id, role, at, order_id, text in rows
    }
