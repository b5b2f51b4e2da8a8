"""The batch writer: everything that consists of rows, one transaction per batch.

An entry waits here until the bulkhead's greenlet looks again, goes into a batch with all others that wait, and is
gone when that batch's transaction has committed. A batch that fails is halved until the poison stands alone; then
its effects are tried one by one, what works is completed, and the rest gets rows of its own to be retried from. One
that takes too long is halved too, but between the batches of the others (suspects.py).
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import gevent
import psycopg2
from gevent.event import Event

from foundation import clock
from foundation.connections import PreparedPool, Row, Statement, away, passing
from foundation.errors import ServiceUnavailable
from foundation.logs import get_logger, text_of
from outbox.completion import Statements
from outbox.deferral import Deferral
from outbox.entries import EntryTask, OutboxEntry
from outbox.pacing import Pace
from outbox.suspects import ALONE_SECONDS, Group, Suspects
from side_effects.effects import EventType
from side_effects.kinds import Claimed
from side_effects.metrics import Metrics

log = get_logger(__name__)

BATCH_LIMIT = 500
"""Entries in one transaction: the knee of the curve, at 4 us a row."""

SMALLEST_BATCH = 16
"""Batches become smaller where large ones take too long: as many as are under way anyway."""

LOCKED_SECONDS = 5.0
"""Pause before an entry is tried again that could not even be given rows of its own; it grows to six times as much."""

FEW = 64
"""Entries that stood aside, and have less time when they are tried again."""

RETRY_SECONDS = 0.25
"""Pause before a batch is tried again when the database was away."""

INSIDE = "inside"
"""The destination of effects that do not leave the house; it has no circuit."""


class Away(Exception):
    """The database cannot be used at the moment; whether the batch was committed is not known."""


class BatchWriter:
    """Batches entries into the composed statement."""

    def __init__(
        self,
        pool: PreparedPool,
        statements: Statements,
        limit: int,
        metrics: Metrics,
        on_rows: Callable[[list[Row]], None],
        on_completed: Callable[[OutboxEntry], None],
        tasks_of: Callable[[OutboxEntry, int], list[EntryTask]],
    ) -> None:
        self._pool = pool
        self.statements = statements
        self._limit = limit
        self._metrics = metrics
        self._on_rows = on_rows
        self._on_completed = on_completed
        self._tasks_of = tasks_of
        self._queue: deque[OutboxEntry] = deque()
        self._wake = Event()
        self._pace = Pace()
        self._suspects = Suspects()
        self._size = BATCH_LIMIT
        self.deferral = Deferral(self._run)
        self._busy = self._careful = False
        self._stopping = False

    def offer(self, task: EntryTask) -> bool:
        """Do this effect with the next batch; False when the bulkhead is full."""
        return self.take(task.entry, task.bit)

    def take(self, entry: OutboxEntry, mask: int) -> bool:
        """Do these effects with the next batch; False when the bulkhead is full."""
        if mask and not self.enqueue(entry):
            return False
        entry.ready |= mask
        return True

    def enqueue(self, entry: OutboxEntry) -> bool:
        """Complete with the next batch what is ready of this entry; False when the bulkhead is full."""
        if not entry.queued:
            # One of which only the row is left is taken at any time: nobody else would know that.
            if self._stopping or (self.waiting >= self._limit and entry.pending):
                return False
            entry.queued = True
            self._queue.append(entry)
            self._wake.set()
        return True

    def run(self) -> None:
        """Take what has piled up, batch after batch, until the bulkhead is stopped."""
        while not self._stopping:
            self._wake.wait(self._suspects.due_in(clock.monotonic()))
            gevent.sleep(self._pace.wait(clock.monotonic()))
            self._pace.begin(len(self._queue), clock.monotonic())
            if not (self._flush_queue() and self._flush_suspects(clock.monotonic())):
                gevent.sleep(RETRY_SECONDS)

    def flush(self) -> bool:
        """Complete one batch now; False when the database could not be used and the batch waits again."""
        return self._flush_queue() if self._queue else self._flush_suspects(math.inf)

    def _flush_queue(self) -> bool:
        batch = [self._queue.popleft() for _ in range(min(self._size, len(self._queue)))]
        if not self._queue:
            self._wake.clear()
        batch = self._suspects.sort_out(batch, clock.monotonic())
        return self._guarded(batch, lambda: self._complete(batch))

    def _flush_suspects(self, now: float) -> bool:
        group = self._suspects.take(now)
        if not group:
            return True
        self._careful = True
        try:
            return self._guarded(group.entries, lambda: self._try_again(group))
        finally:
            self._careful = False

    def _guarded(self, batch: Sequence[OutboxEntry], complete: Callable[[], None]) -> bool:
        self._busy = True
        try:
            complete()
        except Away as error:
            log.warning(
                "outbox.database_unavailable", "Database unavailable; outbox entries wait", exc_info=error.__cause__
            )
            self._queue.extendleft(entry for entry in reversed(batch) if entry.queued)
            self._wake.set()
            return False
        finally:
            self._busy = False
        return True

    def do_now(self, task: EntryTask) -> None:
        """Do this one effect at once, in a transaction of its own; raises what the database says."""
        self._on_rows(self._run(self.statements.alone[task.effect.bit], [], [task.entry.id]))
        task.entry.pending &= ~task.bit

    def do_again(self, bit: int, claimed: Claimed) -> None:
        """Do an effect that has a row of its own, and complete that row with it; nothing if the lease was lost."""
        self._on_rows(self._pool.run(self.statements.rows[bit], ([claimed.id], [claimed.attempts])))

    @property
    def waiting(self) -> int:
        """Entries in the queue, and those that stand aside."""
        return len(self._queue) + len(self._suspects)

    @property
    def quiet(self) -> bool:
        """Whether nothing waits and no batch is under way."""
        return not self.waiting and not self._busy

    def clear(self) -> None:
        """Forget what waits."""
        self._queue.clear()
        self._suspects.clear()

    def stop(self) -> None:
        """Begin no further batch."""
        self._stopping = True
        self._wake.set()

    def _complete(self, batch: Sequence[OutboxEntry]) -> None:
        try:
            self._commit(batch)
        except psycopg2.Error as error:
            if passing(error):
                self._suspect(batch, error)
            elif len(batch) == 1:
                self._or_wait(Group.of(batch), lambda: self._isolate(batch[0]))
            else:
                middle = len(batch) // 2
                self._complete(batch[:middle])
                self._complete(batch[middle:])

    def _suspect(self, batch: Sequence[OutboxEntry], error: psycopg2.Error) -> None:
        """A batch that took too long stands aside, unless a batch of nothing does so too: then it is the database."""
        try:
            self._run(self.statements.everything, [], [])
        except psycopg2.Error as unavailable:
            raise Away from unavailable
        log.warning(
            "outbox.batch_failed",
            "Batch timed out or waited for a lock; it is retried in smaller batches",
            entries=len(batch),
            reason=text_of(error),
        )
        self._size = max(SMALLEST_BATCH, len(batch) // 2)
        self._suspects.halve(batch, clock.monotonic())

    def _try_again(self, group: Group) -> None:
        """One of the groups that stood aside: all of it, half of it next time, or what is to blame for good."""
        if not group.alone:
            self._complete(group.entries)
            return
        try:
            self._commit(group.entries)
        except psycopg2.Error as error:
            if not passing(error):
                self._complete(group.entries)
            elif group.tries < len(ALONE_SECONDS):
                self._suspects.wait(group, ALONE_SECONDS[group.tries], clock.monotonic())
            else:
                self._or_wait(group, partial(self._give_up, group, error))

    def _or_wait(self, group: Group, act: Callable[[], None]) -> None:
        """Do this, or if not even rows of its own can be written for what failed, have it stand aside for a while."""
        try:
            act()
        except psycopg2.Error:
            log.warning(
                "outbox.defer_failed",
                "Effect could not be moved to the durable queue; it is retried from the outbox",
                context=group.entries[0].context,
                exc_info=True,
            )
            self._suspects.wait(group, LOCKED_SECONDS * (1 + min(group.tries, 5)), clock.monotonic())

    def _give_up(self, group: Group, error: psycopg2.Error) -> None:
        """Give all that is left of an order that took too long, again and again, rows of its own, untried: each effect
        is tried alone from there, and the one that is to blame waits longer each time."""
        for entry in group.entries:
            for task in self._tasks_of(entry, entry.ready):
                self._defer(task, error)
            self._leave(entry)

    def _commit(self, batch: Sequence[OutboxEntry]) -> None:
        """One transaction: entries of which nothing is left afterwards are deleted, the others cut down.

        Raises what the database says when there is poison in the batch; nothing has happened then.
        """
        if not batch:
            return
        begun = clock.monotonic()
        taken = [(entry, entry.ready, not entry.pending & ~entry.ready) for entry in batch]
        gone = [entry.id for entry, _, last in taken if last]
        kept = [entry.id for entry, _, last in taken if not last]
        few = self._careful and len(batch) <= FEW
        self._on_rows(self._run(self.statements.few if few else self.statements.everything, gone, kept))
        if len(batch) >= self._size:
            self._size = min(BATCH_LIMIT, 2 * self._size)
        masks = Counter((entry.event_type, ready) for entry, ready, _ in taken)
        self._metrics.completed(_kinds(masks), len(batch), clock.monotonic() - begun)
        for entry, ready, last in taken:
            self._completed(entry, ready, last)

    def _completed(self, entry: OutboxEntry, ready: int, last: bool) -> None:
        entry.pending &= ~ready
        entry.ready &= ~ready
        entry.queued = False
        if last:
            self._on_completed(entry)
        elif not entry.pending:
            # Its called effect ended while the batch was under way: only the row is left to delete.
            self.enqueue(entry)

    def _isolate(self, entry: OutboxEntry) -> None:
        """Try the effects of an entry that fails as a whole one by one."""
        for task in self._tasks_of(entry, entry.ready):
            try:
                self.do_now(task)
            except psycopg2.Error as error:
                self._defer(task, error)
        self._leave(entry)

    def _defer(self, task: EntryTask, error: psycopg2.Error) -> None:
        task.report(error)
        self._metrics.attempted(task.name, "retry", 0.0)
        self.deferral.defer([task], [(INSIDE, error)])

    def _leave(self, entry: OutboxEntry) -> None:
        entry.ready &= entry.pending
        entry.queued = False
        if not entry.pending:
            self.enqueue(entry)

    def _run(self, statement: Statement, *args: object) -> list[Row]:
        try:
            return self._pool.run(statement, args)
        except (psycopg2.Error, ServiceUnavailable) as error:
            if away(error):
                raise Away from error
            raise


def _kinds(masks: Mapping[tuple[EventType, int], int]) -> dict[str, int]:
    """How many effects of each kind so many entries of each event_type with these bits are."""
    kinds: Counter[str] = Counter()
    for (event_type, mask), count in masks.items():
        kinds.update({effect.name: count for effect in event_type.effects if mask & 1 << effect.bit})
    return kinds
