"""A bulkhead for tasks that run code: a bounded queue and a few long-lived greenlets."""

from __future__ import annotations

from collections import Counter, deque

import gevent
from gevent.event import Event
from gevent.lock import Semaphore

from side_effects.tasks import Task


class Bulkhead:
    """Calls tasks one per greenlet, up to `concurrency` at a time.

    Each kind of work that leaves the process or runs other people's code has a bulkhead of its own: a slow kind
    fills its own bulkhead and delays no other.
    """

    def __init__(self, name: str, concurrency: int, limit: int) -> None:
        self.name = name
        self.outcomes: Counter[str] = Counter()
        self._concurrency = concurrency
        self._limit = limit
        self._waiting: deque[Task] = deque()
        self._behind: dict[object, deque[Task]] = {}  # by the key of a task that waits or runs
        self._held = 0
        self._ready = Semaphore(0)
        """As many as tasks are waiting: each wakes one greenlet, where an event would wake all that are idle."""

        self._quiet = Event()
        self._quiet.set()
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._idle = 0
        self._stopping = False

    def offer(self, task: Task) -> bool:
        """Take the task without waiting; False when the bulkhead is full or stops."""
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
        # One that is idle may have been woken for another task already.
        if len(self._waiting) > self._idle and len(self._greenlets) < self._concurrency:
            self._greenlets.append(gevent.spawn(self._work))
        self._ready.release()
        return True

    @property
    def waiting(self) -> int:
        """Tasks that have not begun."""
        return len(self._waiting) + self._held

    def wait_until_quiet(self, timeout: float | None = None) -> bool:
        """Return True when nothing waits or runs any more, False after `timeout` seconds."""
        return bool(self._quiet.wait(timeout))

    def stop(self, timeout: float) -> None:
        """Begin nothing more, and let what runs end within `timeout` seconds."""
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
                continue  # the bulkhead was stopped, and gave up what waited
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


GENERAL = Bulkhead("general", concurrency=16, limit=10_000)
"""For tasks that were not promised: they are lost with the process."""
