"""The work of a bulk change: slices of a few seconds, each claimed as a side effect, until every order has a result.

Every order is changed by a request of its own, in the name of whoever started it, with a key that is derived from the
job: if the process dies, the next one makes the same requests again, and what was changed is not changed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from flask import Flask
from prometheus_client import Counter

from access.in_absence import may_act
from access.principal import Principal
from foundation import clock, logs
from foundation.db import db
from foundation.errors import AppError, IdempotencyMismatch, ServiceUnavailable
from notifications import single
from notifications.inbox import Append
from notifications.single import Single
from orders import sentences
from orders.batch import Batch
from orders.bulk_changes import BULK_KIND, SQL, Summary
from orders.errors import OrderLocked
from orders.schemas import ChangeOrderStatusRequest
from orders.status_change import Changed, StatusChange, StatusChanges
from orders.workflow import Workflow
from side_effects.kinds import Claimed, Kind
from side_effects.retry import SUCCEEDED, Outcome

JOB = SQL.text("job")
NEXT = SQL.text("next")
RECORD = SQL.text("record")
FINISH = SQL.text("finish")

NOTIFICATION = "bulk_change"
"""The kind of the notification at its end."""

ORDERS_TOGETHER = 100
"""Orders between two looks at whether it is to stop."""

SLICE_SECONDS = 4.0
"""After this long another job has a turn, or the process that is about to stop can stop."""

WAIT_SECONDS = 2.0
"""While the database is unavailable."""

JOBS_AT_ONCE, TIMEOUT_SECONDS = 2, 60.0

IN_PROGRESS = Outcome("later", "in progress")

RESULTS_COUNTED = Counter("onward_bulk_change_orders", "Orders of bulk changes, by result.", ("result",))

log = logs.get_logger(__name__)


class Job(NamedTuple):
    """A bulk change, for the process that works on it."""

    role: Any
    actor_id: int
    via: str | None
    status: str
    reason: str | None
    notify: bool
    request_id: str
    created_at: datetime
    finished: bool
    stopping: bool

    @property
    def principal(self) -> Principal:
        """Who started it."""
        return Principal(self.role, self.actor_id, via=self.via)


class BulkWorker:
    """Works on the bulk changes that its process claims."""

    def __init__(self, app: Flask, append: Append, workflow: Workflow, changes: Callable[[], StatusChanges]) -> None:
        self._app = app
        self._append = append
        self._workflow = workflow
        self._changes = changes
        self.kind = Kind(BULK_KIND, self._attempt, concurrency=JOBS_AT_ONCE, timeout=TIMEOUT_SECONDS)

    def _attempt(self, claimed: Claimed) -> Outcome:
        token = logs.request_id.set(claimed.request_id)
        try:
            with self._app.app_context():
                return self._work(claimed.event_id)
        finally:
            logs.request_id.reset(token)

    def _work(self, id: int) -> Outcome:
        ends = clock.monotonic() + SLICE_SECONDS
        while clock.monotonic() < ends:
            row = db.session.execute(JOB, {"id": id}).one_or_none()
            if row is None or (job := Job(*row)).finished:
                return SUCCEEDED
            stops = job.stopping or not may_act(job.principal, job.created_at)
            orders = [] if stops else db.session.scalars(NEXT, {"id": id, "most": ORDERS_TOGETHER}).all()
            db.session.rollback()  # nothing is held open while the orders change
            if not orders:
                self._finish(id, job)
                return SUCCEEDED
            if not self._change(id, job, list(orders)):
                return Outcome("later", "the database is unavailable", WAIT_SECONDS)
        return IN_PROGRESS

    def _change(self, id: int, job: Job, orders: list[int]) -> bool:
        """Change these, and record the results; False if some could not be tried."""
        new = ChangeOrderStatusRequest(status=job.status, reason=job.reason, notify=job.notify)
        # A client's key cannot contain a space, so these never collide.
        wanted = [StatusChange(one, job.principal, new, f"bulk {id} {one}") for one in orders]
        results = zip(orders, Batch(self._changes(), wanted).run(), strict=True)
        found = [one for order, result in results if (one := _result(order, result))]
        db.session.execute(RECORD, {"id": id, "results": orjson.dumps(found).decode()})
        db.session.commit()
        for one in found:
            RESULTS_COUNTED.labels(one["result"]).inc()
        return len(found) == len(orders)

    def _finish(self, id: int, job: Job) -> None:
        """End it, and notify whoever started it, in one transaction."""
        row = db.session.execute(FINISH, {"id": id}).one_or_none()
        if row is None:
            db.session.rollback()
            return
        summary = Summary(*row)
        title, body = sentences.bulk_result(summary, self._workflow.statuses[summary.status].seller)
        single.add(self._append, job.principal, Single(NOTIFICATION, id, title, body))
        db.session.commit()
        log.info(
            "bulk_change.finished",
            "Bulk change finished",
            bulk_change=id,
            changed=summary.changed,
            skipped=summary.skipped,
            total=summary.total,
        )


def _result(order_id: int, result: Changed | AppError) -> dict[str, Any] | None:
    """As it is stored; None if it has to be tried again. A key of ours that was used for something else was used before
    the reason was erased."""
    if isinstance(result, Changed | IdempotencyMismatch):
        return {"order_id": order_id, "result": "changed"}
    if isinstance(result, ServiceUnavailable) and not isinstance(result, OrderLocked):
        return None
    current = result.members.get("current")
    status = orjson.loads(orjson.dumps(current))["status"] if current is not None else None
    skipped = {"result": "skipped", "code": result.code, "detail": result.detail, "order_status": status}
    return {"order_id": order_id, **skipped}
