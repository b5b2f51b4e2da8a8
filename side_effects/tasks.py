"""Work for after the response: tasks, the bulkheads that run them, and the two ways to run them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import Semaphore

from foundation import logs
from side_effects.retry import SUCCEEDED, Outcome, failed

log = logs.get_logger(__name__)


ENDING = (gevent.GreenletExit, SystemExit, KeyboardInterrupt)
"""Exceptions that end a greenlet or its process. Everything else that is raised is a failure, even if it is not an
Exception: gevent's Timeout, asyncio's CancelledError."""


class QueueFull(Exception):
    """The task was refused: the bulkhead's queue is full."""


@dataclass(slots=True)
class Task:
    """One unit of work: what to call, its bulkhead, and its number among its siblings."""

    name: str
    """Dotted; the first word is its category in the log."""

    bulkhead: TaskQueue | None
    """None if the holder of the task runs it."""

    call: Callable[[Any], object]
    """Gets the task itself."""

    key: object = None
    """Tasks of one bulkhead with the same key are run one after another, in the order of their arrival."""

    number: int = 0
    total: int = 0
    context: str = ""
    request_id: str = ""
    outcome: Outcome | None = None
    begun: bool = False
    ended: Event | None = field(default=None, repr=False)

    def run(self) -> Outcome:
        """Run it once; an exception becomes its outcome and a log record, and is never raised here."""
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
        """Store the outcome, and wake the waiting caller."""
        self.outcome = outcome
        if self.ended is not None:
            self.ended.set()

    def report(self, error: BaseException) -> None:
        """Log that this task failed: its number, its category and the traceback."""
        log.error(
            "background_task.failed",
            f"Background task {self.number}/{self.total} failed in {self.context}",
            category=self.name.partition(".")[0],
            task=self.name,
            request_id=self.request_id,
            exc_info=error,
        )


class TaskQueue:
    """A bounded queue and a few long-lived greenlets that run its tasks, up to `concurrency` at a time.

    Each kind of work that leaves the process or runs foreign code has a bulkhead of its own: a slow kind fills its own
    bulkhead and delays no other.
    """

    def __init__(self, name: str, concurrency: int, limit: int) -> None:
        self.name = name
        self.outcomes: Counter[str] = Counter()
        self._concurrency = concurrency
        self._limit = limit
        self._waiting: deque[Task] = deque()
        self._behind: dict[object, deque[Task]] = {}  # by the key of a task that is waiting or running
        self._held = 0
        self._ready = Semaphore(0)
        """As many as tasks are waiting: each wakes one greenlet, where an event would wake all idle ones."""

        self._quiet = Event()
        self._quiet.set()
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._idle = 0
        self._stopping = False

    def try_enqueue(self, task: Task) -> bool:
        """Add the task without waiting; False if the queue is full or the bulkhead stops."""
        if self._stopping or self.waiting >= self._limit:
            return False
        self._quiet.clear()
        if task.key in self._behind:
            self._behind[task.key].append(task)
            self._held += 1
            return True
        if task.key is not None:
            self._behind[task.key] = deque()
        self._waiting.append(task)
        # An idle greenlet may have been woken for another task already.
        if len(self._waiting) > self._idle and len(self._greenlets) < self._concurrency:
            self._greenlets.append(gevent.spawn(self._work))
        self._ready.release()
        return True

    @property
    def waiting(self) -> int:
        """Tasks that have not started."""
        return len(self._waiting) + self._held

    def wait_until_quiet(self, timeout: float | None = None) -> bool:
        """Return True when nothing is waiting or running any more, False after `timeout` seconds."""
        return bool(self._quiet.wait(timeout))

    def stop(self, timeout: float) -> None:
        """Start nothing more, and let running tasks end within `timeout` seconds."""
        self._stopping = True
        self._waiting.clear()
        self._behind.clear()
        self._held = 0
        if self._idle == len(self._greenlets):
            self._quiet.set()
        self.wait_until_quiet(timeout)
        gevent.killall(self._greenlets, timeout=1)

    def _work(self) -> None:
        while True:
            self._idle += 1
            if self._idle == len(self._greenlets) and not self._waiting:
                self._quiet.set()
            self._ready.acquire()
            self._idle -= 1
            if not self._waiting:
                continue  # the bulkhead was stopped, and dropped its queue
            task = self._waiting.popleft()
            try:
                if not task.begun:
                    self.outcomes[task.run().kind] += 1
            finally:
                self._let_next(task.key)

    def _let_next(self, key: object) -> None:
        behind = self._behind.get(key)
        if behind:
            self._waiting.append(behind.popleft())
            self._ready.release()
            self._held -= 1
        elif behind is not None:
            del self._behind[key]


GENERAL = TaskQueue("general", concurrency=16, limit=10_000)
"""For tasks without an outbox entry: they are lost with the process."""


def execute_in_background(tasks: Sequence[Task], context: str = "") -> None:
    """Queue each task in its bulkhead and return at once; a task that fails affects none of the others.

    `context` names in the log what they belong to, such as `order-status-update:17`, unless they have one. A task that
    its bulkhead refuses ends with QueueFull; if it has an outbox entry, the rescuer brings it back.
    """
    _label(tasks, context)
    for task in tasks:
        if task.bulkhead is None or not task.bulkhead.try_enqueue(task):
            task.end(failed(QueueFull(f"{task.name}: its bulkhead is full")))


def execute_in_parallel(tasks: Sequence[Task], context: str = "") -> list[Outcome]:
    """Run all tasks concurrently and return their outcomes, in the order of the tasks.

    The caller helps: it runs those itself that no bulkhead has started yet. So a full bulkhead, or a task that calls
    this itself, cannot block for ever.
    """
    _label(tasks, context)
    for task in tasks:
        task.ended = Event()
    for task in tasks[1:]:
        if task.bulkhead is not None:
            task.bulkhead.try_enqueue(task)
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
    """Number the tasks, unless they have numbers: an entry that is rescued has only some of its effects left."""
    for number, task in enumerate(tasks, 1):
        if not task.total:
            task.number, task.total = number, len(tasks)
            task.context, task.request_id = context, logs.request_id.get()
