"""Deliveries of an order's events to the endpoints that asked for them (webhooks/)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from access.actors import actor_json
from foundation import sql
from orders import json_sql
from orders.effects.given import Given
from orders.outbox_entry import EVENT_TYPE
from orders.workflow import Workflow
from side_effects.effects import DurableEffect, Effect, Run, is_pending
from webhooks.events import Fact, Readings
from webhooks.matching import KIND, deliveries

BIT = 9

DELIVERIES = deliveries(
    "order_changes",
    name="webhook_deliveries",
    event_type=EVENT_TYPE,
    type="c.type",
    status="c.to_status",
    where=is_pending(BIT),
)

SQL = sql.beside(
    __file__,
    events=json_sql.EVENTS,
    head=json_sql.order_head("o", "r.role"),
    event=json_sql.event_head("e"),
    actor=actor_json("e.actor_role", "e.actor_id", "e.actor_via", "r.role"),
)
READ = SQL.prepared("read_order_events")


def effects(given: Given) -> tuple[Effect, ...]:
    """One delivery for each endpoint; none, and nothing to do, where the seller has none."""
    if given.webhooks is not None:
        given.webhooks.readers[EVENT_TYPE] = partial(read, given.workflow)
    handler = given.webhooks.kind if given.webhooks is not None else None
    return (
        DurableEffect(
            KIND,
            BIT,
            DELIVERIES,
            handler=handler,
            enabled=handler is not None,
            leaves_to="webhooks",
            fans_out="webhook.fan_out",
            on_creation=True,
            on_edit=True,
        ),
    )


def read(workflow: Workflow, run: Run, readings: Readings) -> Mapping[tuple[int, str], Fact]:
    """Events as each reader may read them, with the order as it is now."""
    facts = {}
    rows = run(READ, ([id for id, _ in readings], [role for _, role in readings]))
    for id, role, type, at, version, order_id, status, head, event, actor in rows:
        allowed = workflow.targets_json(status, role)
        facts[(id, role)] = Fact(
            type,
            at,
            version,
            f'"order":{head}{json_sql.ALLOWED}{allowed}}},"event":{event}{json_sql.ACTOR}{actor}}}',
            f'"order":{{"id":{order_id}}},"event":{{"id":{id}}}',
        )
    return facts
