"""What all effects of a change read: the events of a batch, each with its order and its status's labels and notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foundation.sql import beside
from orders import json_sql
from orders.outbox_entry import EVENT_TYPE
from orders.signals import OrderEvent
from orders.workflow import Workflow
from side_effects.effects import Run

MOVED_ON = """EXISTS (SELECT FROM order_events e JOIN order_events later ON later.order_id = e.order_id
    AND later.version > e.version AND later.changed IS NULL AND later.undoes IS NULL
    WHERE e.id = s.event_id AND NOT EXISTS (SELECT FROM order_events u
        WHERE u.order_id = later.order_id AND u.version = later.version + 1 AND u.undoes = later.id))"""
"""The order has changed since this side effect's event; an edit leaves what the effect is about as it was, and so does
a change that was undone."""

FORGOTTEN = "EXISTS (SELECT FROM orders o WHERE o.id = e.order_id AND o.buyer_email = '')"
"""The buyer's data were erased."""

SQL = beside(__file__, columns=OrderEvent.COLUMNS, events=json_sql.EVENTS)
LOAD = SQL.prepared("load_events")


ROWS = "order_changes"


def sql(workflow: Workflow, drawn: Sequence[str]) -> str:
    """CTEs that end in `order_changes`: the events of the batch with everything that the effects need, among it what
    they have drawn: the ids of the rows that they will write.

    The order's snapshot is read here, after the log's lock was taken: so a channel's versions never go backwards,
    even if another process was slower. The event keeps its own version and time.
    """
    return f"""
{json_sql.labels(workflow)},
plain AS MATERIALIZED (
    SELECT s.pending, e.*, ltrim(o.number, '#') AS number, {json_sql.shared_head("o")} AS head,
           {json_sql.event_head("e")} AS event,
           {json_sql.members_for("o", "'seller'")} AS seller_members,
           {json_sql.members_for("o", "'buyer'")} AS buyer_members,
           {json_sql.acting("e")} AS acting, o.status AS current_status, o.version AS current_version
    FROM completed s
    CROSS JOIN LATERAL (SELECT * FROM {json_sql.EVENTS} AS one WHERE one.id = s.event_id OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = e.order_id OFFSET 0) AS o
    WHERE s.event_type = '{EVENT_TYPE}'),
labelled AS (
    SELECT p.*, coalesce(now.seller_allowed, '[]') AS seller_allowed,
           coalesce(now.buyer_allowed, '[]') AS buyer_allowed,
           coalesce(was.seller_label, p.to_status) AS seller_label,
           coalesce(was.buyer_label, p.to_status) AS buyer_label, was.seller_notice, was.buyer_notice
    FROM plain p LEFT JOIN labels now ON now.status = p.current_status
    LEFT JOIN labels was ON was.status = p.to_status),
{ROWS} AS MATERIALIZED (
    SELECT {", ".join(("*", "clock_timestamp() AS done_at", *drawn))} FROM labelled)"""


def load_events(run: Run, ids: Sequence[int]) -> Mapping[int, OrderEvent]:
    """The events with these ids: the payload of effects that run code."""
    events = [OrderEvent(*row) for row in run(LOAD, (list(ids),))]
    return {event.id: event for event in events}
