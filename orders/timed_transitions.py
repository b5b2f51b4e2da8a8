"""Makes due timed transitions, as the actor `system`.

A timer that fires twice, or too late, changes nothing: the change requires the exact version that the timer was set
for, and has an idempotency key of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from access.principal import SYSTEM
from foundation import logs
from foundation.errors import NotFound
from orders import timers
from orders.effects import LOAD
from orders.errors import IllegalTransition, OrderLocked, StaleVersion
from orders.schemas import NewStatus
from orders.signals import OrderEvent
from orders.status_change import StatusChange
from orders.workflow import Workflow
from side_effects.effects import Run
from side_effects.kinds import Claimed, Kind
from side_effects.retry import SUCCEEDED, Outcome

Change = Callable[[StatusChange], object]


def kind(workflow: Workflow, run: Run, change: Change) -> Kind:
    """The kind of side effect that makes them."""
    return Kind(timers.KIND, partial(_attempt, workflow, run, change))


def _attempt(workflow: Workflow, run: Run, change: Change, claimed: Claimed) -> Outcome:
    rows = run(LOAD, ([claimed.event_id],))
    if not rows:
        return Outcome("dead", "what it was set by does not exist any more")
    event = OrderEvent(*rows[0])
    transition = workflow.timers.get(event.to_status)
    if transition is None:
        return Outcome("succeeded", f"the workflow moves no order on from {event.to_status} any more")
    new = NewStatus(status=transition.target)
    token = logs.request_id.set(claimed.request_id)
    try:
        change(StatusChange(event.order_id, SYSTEM, new, f"timer {event.id}", event.version))
    except (StaleVersion, IllegalTransition, NotFound):
        return Outcome("succeeded", "the order moved on")
    except OrderLocked as error:
        return Outcome("retry", error.detail, circuit="nothing")  # for this order alone
    finally:
        logs.request_id.reset(token)
    return SUCCEEDED
