"""Timers: an order that reaches a status with a timed transition gets one; when it leaves the status, it is discarded.

A timer is a row in `side_effects` that is due at the moment of the transition, by the database's clock. The batch that
does the effects of a change writes it, exactly once. When it is due, the transition is made, as the actor `system`. A
timer that fires twice or too late changes nothing: the change requires the version that the timer was set for, and has
an idempotency key of its own.
"""

from __future__ import annotations

from functools import partial

from access.principal import SYSTEM
from foundation import logs
from foundation.connections import PreparedPool
from foundation.errors import NotFound
from orders.effects.given import Given
from orders.effects.source import LOAD
from orders.errors import IllegalTransition, OrderLocked, StaleVersion
from orders.json_sql import literal
from orders.schemas import ChangeOrderStatusRequest
from orders.signals import OrderEvent
from orders.status_change import StatusChange
from orders.workflow import Workflow
from side_effects.effects import Effect, Run, WrittenEffect, is_pending
from side_effects.insertion import insert
from side_effects.kinds import Claimed, Kind
from side_effects.retry import SUCCEEDED, Outcome

BIT = 8
KIND = "order.timed_transition"
TIMER_EVENT_TYPE = "timer"
"""An event type of its own: a timer is not among the effects of a change that a request waits for."""

DESTINATION = "clock"

NAMES = {"kind": f"'{KIND}'", "destination": f"'{DESTINATION}'", "event_type": f"'{TIMER_EVENT_TYPE}'"}

ANEW = """(event_type, event_id, kind, destination) DO UPDATE
        SET scheduled_at = excluded.scheduled_at, status = 'pending', attempts = 0, finished_at = NULL
        WHERE side_effects.status IN ('pending', 'succeeded', 'discarded')"""
"""A timer that ended without a transition, since the table had none at the time, starts again."""


def effects(given: Given) -> tuple[Effect, ...]:
    """Its handler is there without timed transitions too, for the timers that an earlier workflow table has set."""
    workflow, read = given.workflow, PreparedPool(given.settings.dsn, 1, "timers").run
    timed = _statuses(workflow)
    missing = f"""e.to_status IN ({timed}) AND e.version = (SELECT o.version FROM orders o WHERE o.id = e.order_id)
        AND NOT EXISTS (SELECT FROM side_effects t WHERE t.event_type = '{TIMER_EVENT_TYPE}' AND t.event_id = e.id)"""
    return (
        WrittenEffect(
            "order.timer",
            BIT,
            _rows(workflow),
            missing=missing,
            on_creation=True,
            statuses=tuple(workflow.timers),
            handler=Kind(KIND, partial(_attempt, given, read)),
            enabled=bool(workflow.timers),
        ),
    )


def _rows(workflow: Workflow) -> str:
    """SQL that sets and discards timers for the changes of a batch.

    Those to discard are looked up by the index of an order's pending side effects, hence its exact condition: planned
    while the table was empty, any other way read all timers that were waiting.
    """
    timed = _statuses(workflow)
    still = f"{is_pending(BIT)} AND to_status IN ({timed}) AND version = current_version"
    due = f"at + {_delay(workflow, 'to_status')}"
    return f"""
timers_set AS (
    {insert(f"order_changes WHERE {still} ORDER BY id", **NAMES, scheduled_at=due)}),
timers_dropped AS (
    UPDATE side_effects SET status = 'discarded', finished_at = clock_timestamp(), last_error = 'the order moved on'
    WHERE status || '' = 'pending' AND id = ANY(ARRAY(
        SELECT t.id FROM order_changes c CROSS JOIN LATERAL (
            SELECT id FROM side_effects WHERE order_id = c.order_id AND kind = '{KIND}' AND destination =
            '{DESTINATION}'
                AND event_id < c.id AND status IN ('pending', 'running') OFFSET 0) AS t
        WHERE {is_pending(BIT)} AND c.from_status IN ({timed})))
    RETURNING id)"""


def of_existing(workflow: Workflow, only: str = "true") -> str | None:
    """The statement that gives a timer to every order `o` in a timed status, by the current table; `only` limits it."""
    if not workflow.timers:
        return None
    return insert(
        f"""orders o JOIN order_events e ON e.order_id = o.id AND e.version = o.version
    WHERE o.open AND o.status IN ({_statuses(workflow)}) AND {only}""",
        **NAMES,
        event_id="e.id",
        order_id="o.id",
        request_id="e.request_id",
        scheduled_at=f"e.at + {_delay(workflow, 'o.status')}",
        conflict=ANEW,
    )


def _statuses(workflow: Workflow) -> str:
    return ", ".join(map(literal, workflow.timers))


def _delay(workflow: Workflow, status: str) -> str:
    cases = " ".join(
        f"WHEN {literal(name)} THEN interval '{one.after_seconds} s'" for name, one in workflow.timers.items()
    )
    return f"CASE {status} {cases} END"


def _attempt(given: Given, read: Run, claimed: Claimed) -> Outcome:
    rows = read(LOAD, ([claimed.event_id],))
    if not rows:
        return Outcome("dead", "what it was set by does not exist any more")
    event = OrderEvent(*rows[0])
    transition = given.workflow.timers.get(event.to_status)
    if transition is None:
        return Outcome("succeeded", f"the workflow moves no order on from {event.to_status} any more")
    new = ChangeOrderStatusRequest(status=transition.target)
    token = logs.request_id.set(claimed.request_id)
    try:
        given.change(StatusChange(event.order_id, SYSTEM, new, f"timer {event.id}", event.version))
    except (StaleVersion, IllegalTransition, NotFound):
        return Outcome("succeeded", "the order moved on")
    except OrderLocked as error:
        return Outcome("retry", error.detail, circuit="nothing")  # for this order alone
    finally:
        logs.request_id.reset(token)
    return SUCCEEDED
