"""Work handed over for after the answer: tasks, their outcomes, and the two ways to have them done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import gevent
from gevent.event import Event

from foundation import logs
from side_effects.retry import SUCCEEDED, Outcome, failed

log = logs.get_logger(__name__)


ENDING = (gevent.GreenletExit, SystemExit, KeyboardInterrupt)
"""What a greenlet or its process ends by. All else that is raised is a failure, also what is no Exception: gevent's
Timeout, asyncio's CancelledError."""


class QueueFull(Exception):
    """The task was not taken: as many as the bulkhead may hold are waiting already."""


class Bulkhead(Protocol):
    """Where tasks of one sort wait for the greenlets that do them."""

    def offer(self, task: Any, /) -> bool:
        """Take the task without waiting; False when the bulkhead is full."""


@dataclass(slots=True)
class Task:
    """One piece of work: what to call, the bulkhead that calls it, and its place among its siblings."""

    name: str
    """Dotted; the first word is its category in the log."""

    bulkhead: Bulkhead
    call: Callable[[Any], object]
    """Is given the task itself."""

    key: object = None
    """Tasks of one bulkhead with the same key are done one after the other, in the order of their arrival."""

    number: int = 0
    total: int = 0
    context: str = ""
    request_id: str = ""
    outcome: Outcome | None = None
    begun: bool = False
    ended: Event | None = field(default=None, repr=False)

    def run(self) -> Outcome:
        """Call it once; what it raises becomes its outcome and a line in the log, never an exception here."""
        self.begun = True
        token = logs.request_id.set(self.request_id)
        try:
            self.call(self)
            outcome = SUCCEEDED
        except ENDING:
            raise
        except BaseException as error:
            self.report(error)
            outcome = failed(error)
        finally:
            logs.request_id.reset(token)
        self.end(outcome)
        return outcome

    def end(self, outcome: Outcome) -> None:
        """Remember how it went, and wake whoever waits for that."""
        self.outcome = outcome
        if self.ended is not None:
            self.ended.set()

    def report(self, error: BaseException) -> None:
        """Say in the log that this task failed: its place, its category and the trace."""
        log.error(
            "background_task.failed",
            f"Background task {self.number}/{self.total} failed in {self.context}",
            category=self.name.partition(".")[0],
            task=self.name,
            request_id=self.request_id,
            exc_info=error,
        )


def execute_in_background(tasks: Sequence[Task], context: str) -> None:
    """Offer each task to its bulkhead and return at once; a task that fails touches none of the others.

    `context` names in the log what they belong to, such as `order-status-update:17`. A task that its bulkhead
    refuses ends with QueueFull; where it was promised in the outbox, the rescuer brings it back.
    """
    _label(tasks, context)
    for task in tasks:
        if not task.bulkhead.offer(task):
            task.end(failed(QueueFull(f"{task.name}: its bulkhead is full")))


def execute_in_parallel(tasks: Sequence[Task], context: str = "") -> list[Outcome]:
    """Have all tasks done at the same time and return their outcomes, in the order of the tasks.

    The caller lends a hand: what no bulkhead has begun when it comes to it, it does itself. So a full bulkhead,
    or a task that calls this in its turn, cannot block for ever.
    """
    _label(tasks, context)
    for task in tasks:
        task.ended = Event()
    for task in tasks[1:]:
        task.bulkhead.offer(task)
    for task in tasks:
        if not task.begun:
            task.run()
    outcomes = []
    for task in tasks:
        assert task.ended is not None
        task.ended.wait()
        assert task.outcome is not None
        outcomes.append(task.outcome)
    return outcomes


def _label(tasks: Sequence[Task], context: str) -> None:
    """Number the tasks, unless they know their place: an entry that comes back has only some of its effects left."""
    for number, task in enumerate(tasks, 1):
        if not task.total:
            task.number, task.total = number, len(tasks)
            task.context, task.request_id = context, logs.request_id.get()
