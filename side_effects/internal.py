"""The internal lane: everything that consists of rows, one transaction per batch.

A promise waits here until the lane's greenlet looks again, goes into a batch with all others that wait, and is
gone when that batch's transaction has committed. A batch that fails is halved until the poison stands alone; then
its effects are tried one by one, what works is settled, and the rest gets rows of its own to be retried from.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

import gevent
import psycopg2
import structlog
from gevent.event import Event

from foundation import clock
from foundation.connections import PreparedPool, Row, Statement, passing
from foundation.errors import ServiceUnavailable
from side_effects import rows
from side_effects.effects import CalledEffect, Topic
from side_effects.figures import Figures
from side_effects.kinds import Claimed
from side_effects.pace import Pace
from side_effects.promise import Promise, PromisedTask
from side_effects.retry import INTERNAL, describe, fingerprint
from side_effects.statement import Statements

log = structlog.get_logger(__name__)

BATCH_LIMIT = 500
"""Promises in one transaction: the knee of the curve, at 4 us a row."""

RETRY_SECONDS = 0.25
"""Pause before a batch is tried again when the database was away."""

INSIDE = "inside"
"""The destination of effects that do not leave the house; it has no circuit."""


class Away(Exception):
    """The database cannot be used at the moment; whether the batch was committed is not known."""


class InternalLane:
    """Batches promises into the composed statement."""

    def __init__(
        self,
        pool: PreparedPool,
        statements: Statements,
        limit: int,
        figures: Figures,
        on_rows: Callable[[list[Row]], None],
        on_settled: Callable[[Promise], None],
        tasks_of: Callable[[Promise, int], list[PromisedTask]],
    ) -> None:
        self._pool = pool
        self._statements = statements
        self._limit = limit
        self._figures = figures
        self._on_rows = on_rows
        self._on_settled = on_settled
        self._tasks_of = tasks_of
        self._queue: deque[Promise] = deque()
        self._wake = Event()
        self._pace = Pace()
        self._busy = False
        self._stopping = False

    def offer(self, task: PromisedTask) -> bool:
        """Do this effect with the next batch; False when the lane is full."""
        return self.take(task.promise, task.bit)

    def take(self, promise: Promise, mask: int) -> bool:
        """Do these effects with the next batch; False when the lane is full."""
        if mask and not self.enqueue(promise):
            return False
        promise.ready |= mask
        return True

    def enqueue(self, promise: Promise) -> bool:
        """Settle with the next batch what is ready of this promise; False when the lane is full."""
        if not promise.queued:
            # One of which only the row is left is taken at any time: nobody else would know that.
            if self._stopping or (len(self._queue) >= self._limit and promise.pending):
                return False
            promise.queued = True
            self._queue.append(promise)
            self._wake.set()
        return True

    def run(self) -> None:
        """Take what has piled up, batch after batch, until the lane is stopped."""
        while not self._stopping:
            self._wake.wait()
            gevent.sleep(self._pace.wait(clock.monotonic()))
            self._pace.begin(len(self._queue), clock.monotonic())
            if not self.flush():
                gevent.sleep(RETRY_SECONDS)

    def flush(self) -> bool:
        """Settle one batch now; False when the database could not be used and the batch waits again."""
        batch = [self._queue.popleft() for _ in range(min(BATCH_LIMIT, len(self._queue)))]
        if not self._queue:
            self._wake.clear()
        self._busy = True
        try:
            self._settle(batch)
        except Away as error:
            log.warning("The outbox cannot be reached; its promises wait", exc_info=error.__cause__)
            self._queue.extendleft(promise for promise in reversed(batch) if promise.queued)
            self._wake.set()
            return False
        finally:
            self._busy = False
        return True

    def do_now(self, task: PromisedTask) -> None:
        """Do this one effect at once, in a transaction of its own; raises what the database says."""
        self._on_rows(self._run(self._statements.alone[task.effect.bit], [], [task.promise.id]))
        task.promise.pending &= ~task.bit

    def do_again(self, bit: int, claimed: Claimed) -> None:
        """Do an effect that has a row of its own, and settle that row with it; nothing if the lease was lost."""
        self._on_rows(self._pool.run(self._statements.rows[bit], ([claimed.id], [claimed.attempts])))

    def spill(
        self,
        tasks: Sequence[PromisedTask],
        failures: Sequence[tuple[str, BaseException]],
        attempts: int = 1,
        crashes: int = 0,
    ) -> None:
        """Give an effect of these promises that failed at its first try rows of its own, one for each destination."""
        name, bit, ids = tasks[0].name, tasks[0].bit, [task.promise.id for task in tasks]
        reasons = [describe(error) for _, error in failures]
        names, prints = [name for name, _ in failures], [fingerprint(reason) for reason in reasons]
        self._run(rows.SPILL, ids, bit, name, names, reasons, prints, INTERNAL[0] * attempts, attempts, crashes)
        for task in tasks:
            task.promise.pending &= ~bit

    def spill_called(self, left: Sequence[tuple[PromisedTask, bool]]) -> None:
        """Calls that others left, with whether their process ended over them: what may have killed one is not called
        from the outbox again, a row counts its crashes."""
        groups: dict[tuple[int, bool], list[PromisedTask]] = {}
        for task, orphaned in left:
            groups.setdefault((task.bit, orphaned), []).append(task)
        ended = RuntimeError("the process that was to call it ended")
        for (_, orphaned), tasks in groups.items():
            effect = tasks[0].effect
            assert isinstance(effect, CalledEffect)
            failures = [(name, ended) for name in effect.destinations()]
            self.spill(tasks, failures, int(orphaned), int(orphaned))

    @property
    def waiting(self) -> int:
        """Promises in the queue."""
        return len(self._queue)

    @property
    def quiet(self) -> bool:
        """Whether nothing waits and no batch is under way."""
        return not self._queue and not self._busy

    def clear(self) -> None:
        """Forget what waits."""
        self._queue.clear()

    def stop(self) -> None:
        """Begin no further batch."""
        self._stopping = True
        self._wake.set()

    def _settle(self, batch: Sequence[Promise]) -> None:
        if not batch or self._commit(batch):
            return
        if len(batch) == 1:
            self._isolate(batch[0])
            return
        middle = len(batch) // 2
        self._settle(batch[:middle])
        self._settle(batch[middle:])

    def _commit(self, batch: Sequence[Promise]) -> bool:
        """One transaction: promises of which nothing is left afterwards are deleted, the others cut down.

        Returns False when there is poison in the batch; nothing has happened then.
        """
        begun = clock.monotonic()
        taken = [(promise, promise.ready, not promise.pending & ~promise.ready) for promise in batch]
        gone = [promise.id for promise, _, last in taken if last]
        kept = [promise.id for promise, _, last in taken if not last]
        try:
            written = self._run(self._statements.everything, gone, kept)
        except psycopg2.Error:
            return False
        self._on_rows(written)
        masks = Counter((promise.topic, ready) for promise, ready, _ in taken)
        self._figures.settled(_kinds(masks), len(batch), clock.monotonic() - begun)
        for promise, ready, last in taken:
            self._settled(promise, ready, last)
        return True

    def _settled(self, promise: Promise, ready: int, last: bool) -> None:
        promise.pending &= ~ready
        promise.ready &= ~ready
        promise.queued = False
        if last:
            self._on_settled(promise)
        elif not promise.pending:
            # Its called effect ended while the batch was under way: only the row is left to delete.
            self.enqueue(promise)

    def _isolate(self, promise: Promise) -> None:
        """Try the effects of a promise that fails as a whole one by one."""
        for task in self._tasks_of(promise, promise.ready):
            try:
                self.do_now(task)
            except psycopg2.Error as error:
                task.report(error)
                self._figures.attempted(task.name, "retry", 0.0)
                self.spill([task], [(INSIDE, error)])
            promise.ready &= ~task.bit
        promise.queued = False
        if not promise.pending:
            self.enqueue(promise)

    def _run(self, statement: Statement, *args: object) -> list[Row]:
        try:
            return self._pool.run(statement, args)
        except (psycopg2.Error, ServiceUnavailable) as error:
            if passing(error):
                raise Away from error
            raise


def _kinds(masks: Mapping[tuple[Topic, int], int]) -> dict[str, int]:
    """How many effects of each kind so many promises of each topic with these bits are."""
    kinds: Counter[str] = Counter()
    for (topic, mask), count in masks.items():
        kinds.update({effect.name: count for effect in topic.effects if mask & 1 << effect.bit})
    return kinds
