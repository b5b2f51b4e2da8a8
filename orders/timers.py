"""Timers: an order that enters a status with a timed transition gets one, and one that leaves it has it discarded.

A timer is a row among the side effects that is due at the time of the transition, by the database's clock. It is
written by the batch that does the effects of the change: recorded with the change, and exactly once.
"""

from __future__ import annotations

from orders.json_sql import literal
from orders.workflow import Workflow
from side_effects.effects import WrittenEffect, is_pending

TIMER = 8
"""The bit of this effect in the outbox."""

EFFECT = "order.timer"
KIND = "order.timed_transition"
TIMER_EVENT_TYPE = "timer"
"""An event type of its own: a timer is not among the effects of a change that a request waits for."""

DESTINATION = "clock"

EXISTING = f"""INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, scheduled_at)
    SELECT '{KIND}', '{DESTINATION}', '{TIMER_EVENT_TYPE}', e.id, o.id, e.request_id, e.at + {{delay}}
    FROM orders o JOIN order_events e ON e.order_id = o.id AND e.version = o.version
    WHERE o.open AND o.status IN ({{statuses}})
    ON CONFLICT (event_type, event_id, kind, destination) DO UPDATE
        SET scheduled_at = excluded.scheduled_at, status = 'pending', attempts = 0, finished_at = NULL
        WHERE side_effects.status IN ('pending', 'succeeded', 'discarded')"""
"""A timer that ended without a transition, since the table had none at the time, starts again."""


def effect(workflow: Workflow) -> WrittenEffect:
    """Sets and discards timers for the changes of a batch.

    Those to discard are looked up by the index of an order's pending effects, hence exactly its condition: planned
    while the table was empty, any other way read all timers that wait for a week.
    """
    timed = _statuses(workflow)
    ctes = f"""
timers_set AS (
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, scheduled_at)
    SELECT '{KIND}', '{DESTINATION}', '{TIMER_EVENT_TYPE}', id, order_id, request_id,
        at + {_delay(workflow, "to_status")}
    FROM order_changes WHERE {is_pending(TIMER)} AND to_status IN ({timed}) AND version = current_version
    ORDER BY id ON CONFLICT DO NOTHING RETURNING id),
timers_dropped AS (
    UPDATE side_effects SET status = 'discarded', finished_at = clock_timestamp(), last_error = 'the order moved on'
    WHERE status || '' = 'pending' AND id = ANY(ARRAY(
        SELECT t.id FROM order_changes c CROSS JOIN LATERAL (
            SELECT id FROM side_effects WHERE order_id = c.order_id AND kind = '{KIND}' AND destination =
            '{DESTINATION}'
                AND event_id < c.id AND status IN ('pending', 'running') OFFSET 0) AS t
        WHERE {is_pending(TIMER)} AND c.from_status IN ({timed})))
    RETURNING id)"""
    missing = f"""e.to_status IN ({timed}) AND e.version = (SELECT o.version FROM orders o WHERE o.id = e.order_id)
        AND NOT EXISTS (SELECT FROM side_effects t WHERE t.event_type = '{TIMER_EVENT_TYPE}' AND t.event_id = e.id)"""
    return WrittenEffect(EFFECT, TIMER, ctes, missing=missing, always=False)


def bits_of_change(workflow: Workflow, source: str, target: str) -> str:
    """SQL for the bit if the change sets or discards a timer, otherwise 0; `source` and `target` are SQL too."""
    if not workflow.timers:
        return "0"
    timed = _statuses(workflow)
    return f"CASE WHEN {source} IN ({timed}) OR {target} IN ({timed}) THEN {1 << TIMER} ELSE 0 END"


def of_existing(workflow: Workflow) -> str | None:
    """The statement that gives a timer to every order in a timed status, by the current table."""
    if not workflow.timers:
        return None
    return EXISTING.format(delay=_delay(workflow, "o.status"), statuses=_statuses(workflow))


def _statuses(workflow: Workflow) -> str:
    return ", ".join(map(literal, workflow.timers))


def _delay(workflow: Workflow, status: str) -> str:
    cases = " ".join(
        f"WHEN {literal(name)} THEN interval '{one.after_seconds} s'" for name, one in workflow.timers.items()
    )
    return f"CASE {status} {cases} END"
