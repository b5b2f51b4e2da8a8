"""Timers: an order that reaches a status with a timed transition gets one; when it leaves the status, it is discarded.

A timer is a row in `side_effects` that is due at the moment of the transition, by the database's clock. The batch that
does the effects of a change writes it, exactly once. When it is due, the transition is made, as the actor `system`. A
timer that fires twice or too late changes nothing: the change requires that the order has kept its status since, and
has an idempotency key of its own.
"""

from __future__ import annotations

from functools import partial

from access.principal import SYSTEM
from foundation import logs, sql
from foundation.connections import PreparedPool
from foundation.errors import NotFound
from orders.change_sql import MOVES
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

MOVED_SINCE = f"""EXISTS (SELECT FROM order_events n
            WHERE n.order_id = {{0}}.order_id AND n.version > {{0}}.version AND n.type IN {MOVES})"""
"""SQL for whether an order's status has changed since this event."""

SQL = sql.beside(__file__, moved_since=MOVED_SINCE.format("e"))
UNMOVED = SQL.prepared("unmoved")

ANEW = """(event_type, event_id, kind, destination) DO UPDATE
        SET scheduled_at = excluded.scheduled_at, status = 'pending', attempts = 0, finished_at = NULL
        WHERE side_effects.status IN ('pending', 'succeeded', 'discarded')"""
"""A timer that ended without a transition, since the table had none at the time, starts again."""


def effects(given: Given) -> tuple[Effect, ...]:
    """Its handler is there without timed transitions too, for the timers that an earlier workflow table has set."""
    workflow, read = given.workflow, PreparedPool(given.settings.dsn, 1, "timers").run
    timed = _statuses(workflow)
    missing = f"""e.to_status IN ({timed}) AND NOT {MOVED_SINCE.format("e")}
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
    unmoved = f"(version = current_version OR NOT {MOVED_SINCE.format('order_changes')})"
    still = f"{is_pending(BIT)} AND to_status IN ({timed}) AND {unmoved}"
    due = _due(workflow, "order_changes")
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
        f"""orders o CROSS JOIN LATERAL (SELECT * FROM order_events m WHERE m.order_id = o.id AND m.type IN {MOVES}
        ORDER BY m.version DESC LIMIT 1) AS e
    WHERE o.open AND o.status IN ({_statuses(workflow)}) AND e.to_status = o.status AND {only}""",
        **NAMES,
        event_id="e.id",
        order_id="o.id",
        request_id="e.request_id",
        scheduled_at=_due(workflow, "e"),
        conflict=ANEW,
    )


def _statuses(workflow: Workflow) -> str:
    return ", ".join(map(literal, workflow.timers))


def _due(workflow: Workflow, event: str) -> str:
    """SQL for the moment of the transition; `event` is the change that set the timer. After an undo it is as before."""
    cases = []
    for name, one in workflow.timers.items():
        first = f"""(SELECT f.at FROM order_events f
            WHERE f.order_id = {event}.order_id AND f.to_status = {event}.to_status ORDER BY f.version LIMIT 1)"""
        again = f"""(SELECT f.at FROM order_events f WHERE f.order_id = {event}.order_id
            AND f.to_status = {event}.to_status AND f.version < {event}.version AND f.type IN {MOVES}
            AND f.undoes IS NULL ORDER BY f.version DESC LIMIT 1)"""
        begin = first if one.since_first else f"CASE WHEN {event}.undoes IS NULL THEN {event}.at ELSE {again} END"
        cases.append(f"WHEN {literal(name)} THEN {begin} + interval '{one.after_seconds} s'")
    return f"CASE {event}.to_status {' '.join(cases)} END"


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
        rows = read(UNMOVED, (event.id,))
        if rows:
            given.change(StatusChange(event.order_id, SYSTEM, new, f"timer {event.id}", rows[0][0]))
            return SUCCEEDED
    except (IllegalTransition, NotFound):
        pass
    except (OrderLocked, StaleVersion) as error:  # stale: changed meanwhile, perhaps in something else than its status
        return Outcome("retry", error.detail, circuit="nothing")  # for this order alone
    finally:
        logs.request_id.reset(token)
    return Outcome("succeeded", "the order moved on")
