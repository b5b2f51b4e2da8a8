"""The batch writer: all effects that consist of rows, one transaction per batch.

An entry waits here for the next batch, goes into it with all other waiting ones, and is deleted when that batch's
transaction commits. A batch that fails is halved until the poisoned entry stands alone; then its effects are tried one
by one, those that work are completed, and the others get rows of their own to be retried from. A batch that takes too
long is halved too, but between other batches (suspects.py).
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
from foundation.connections import PreparedPool, Row, Statement, is_transient, is_unavailable
from foundation.errors import ServiceUnavailable
from foundation.logs import get_logger, text_of
from outbox.completion import Forms, Statements
from outbox.deferral import Deferral, log_failure
from outbox.entries import EntryTask, OutboxEntry
from outbox.suspects import ALONE_SECONDS, SuspectGroup, Suspects
from side_effects.effects import EventType
from side_effects.kinds import Claimed
from side_effects.metrics import Metrics
from side_effects.retry import SUCCEEDED, Outcome

log = get_logger(__name__)

BATCH_LIMIT = 500
"""Maximum entries in one transaction: the knee of the curve, at 4 us a row."""

SMALLEST_BATCH = 16
"""Batches become smaller if large ones take too long: about as many as are in progress anyway."""

LOCKED_SECONDS = 5.0
"""Pause before retrying an entry whose side-effect rows could not be written either; it grows to six times as much."""

FEW = 64
"""Entries that were set aside, with shorter time limits when they are tried again."""

RETRY_SECONDS = 0.25
"""Pause before a batch is retried after the database was unavailable."""

PACE_SECONDS = 0.010
"""Under load, interval between the starts of batches. They have 17 entries then instead of 4, and cost the database
half the work per entry."""

QUIET_PER_SECOND = 250
"""Below this rate nothing is delayed: events are seen after 2 ms instead of 7, for work that the database has time
for."""

LOOK_SECONDS = 0.1
"""How long entries are counted before the rate is evaluated."""

INSIDE = "inside"
"""The destination of internal effects; it has no circuit."""


class DatabaseUnavailable(Exception):
    """The database cannot be used at the moment; whether the batch was committed is unknown."""


class Pace:
    """Counts arrivals. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._begun = self._since = float("-inf")
        self._count = 0
        self._crowded = False

    def wait(self, now: float) -> float:
        """Seconds until the next batch may start."""
        return max(0.0, self._begun + PACE_SECONDS - now) if self._crowded else 0.0

    def begin(self, entries: int, now: float) -> None:
        """A batch of this size starts now."""
        self._begun = now
        self._count += entries
        if now - self._since >= LOOK_SECONDS:
            self._crowded = self._count > QUIET_PER_SECOND * (now - self._since)
            self._since, self._count = now, 0


class BatchWriter:
    """Collects entries for the composed statement."""

    def __init__(
        self,
        pool: PreparedPool,
        forms: Forms,
        limit: int,
        metrics: Metrics,
        on_rows: Callable[[list[Row]], None],
        on_completed: Callable[[OutboxEntry], None],
        tasks_of: Callable[[OutboxEntry, int], list[EntryTask]],
    ) -> None:
        self._pool = pool
        self._forms = forms
        self._limit = limit
        self._metrics = metrics
        self._on_rows = on_rows
        self._on_completed = on_completed
        self._tasks_of = tasks_of
        self._queue: deque[OutboxEntry] = deque()
        self._held: set[OutboxEntry] = set()
        """Entries that are queued, set aside, or in progress."""

        self._wake = Event()
        self._pace = Pace()
        self._suspects = Suspects(self._held)
        self._size = BATCH_LIMIT
        self.deferral = Deferral(self._run)
        self._busy = self._careful = False
        self._stopping = False

    def try_enqueue(self, entry: OutboxEntry) -> bool:
        """Complete what is staged of this entry with the next batch; False if the queue is full."""
        if len(self._queue) + self._suspects.count >= self._limit and entry not in self._held:
            return False
        return self.enqueue(entry)

    def enqueue(self, entry: OutboxEntry) -> bool:
        """The same regardless of the limit: for an entry of which only the row is left, which nothing else would
        delete. False if the writer stops."""
        if entry not in self._held:
            if self._stopping:
                return False
            self._held.add(entry)
            self._queue.append(entry)
            self._wake.set()
        return True

    def run(self) -> None:
        """Write batch after batch until stopped."""
        while not self._stopping:
            self._wake.wait(self._suspects.due_in(clock.monotonic()))
            gevent.sleep(self._pace.wait(clock.monotonic()))
            self._pace.begin(len(self._queue), clock.monotonic())
            if not (self._flush_queue() and self._flush_suspects(clock.monotonic())):
                gevent.sleep(RETRY_SECONDS)

    def flush(self) -> bool:
        """Complete one batch now; False if the database could not be used and the batch waits again."""
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
        except DatabaseUnavailable as error:
            log.warning(
                "outbox.database_unavailable", "Database unavailable; outbox entries wait", exc_info=error.__cause__
            )
            self._queue.extendleft(entry for entry in reversed(batch) if entry in self._held)
            self._wake.set()
            return False
        finally:
            self._busy = False
        return True

    def do_now(self, task: EntryTask) -> None:
        """Do this one effect at once, in a transaction of its own; raises the database's error."""
        self._on_rows(self._run(self.statements.alone[task.effect.bit], [], [task.entry.id]))
        task.entry.mark_done(task.bit)

    def do_again(self, bit: int, claimed: Claimed) -> Outcome:
        """Do an effect that has a row of its own, and complete that row with it; nothing if the lease was lost."""
        self._on_rows(self._pool.run(self.statements.rows[bit], ([claimed.id], [claimed.attempts])))
        return SUCCEEDED

    @property
    def statements(self) -> Statements:
        """Those that write live events in the form that every process can read."""
        forms = self._forms
        return forms.packs if forms.log.packed else forms.rows

    @property
    def waiting(self) -> int:
        """Entries in the queue, and those that were set aside."""
        return len(self._queue) + self._suspects.count

    @property
    def quiet(self) -> bool:
        """Whether nothing waits and no batch is in progress."""
        return not self.waiting and not self._busy

    def clear(self) -> None:
        """Drop everything that waits."""
        self._queue.clear()
        self._suspects.clear()
        self._held.clear()

    def stop(self) -> None:
        """Start no further batch."""
        self._stopping = True
        self._wake.set()

    def _complete(self, batch: Sequence[OutboxEntry]) -> None:
        try:
            self._commit(batch)
        except psycopg2.Error as error:
            if is_transient(error):
                self._suspect(batch, error)
            elif len(batch) == 1:
                self._or_wait(SuspectGroup.of(batch), lambda: self._isolate(batch[0]))
            else:
                middle = len(batch) // 2
                self._complete(batch[:middle])
                self._complete(batch[middle:])

    def _suspect(self, batch: Sequence[OutboxEntry], error: psycopg2.Error) -> None:
        """A batch that took too long is set aside, unless an empty batch takes too long too: then the database is the
        cause."""
        try:
            self._run(self.statements.everything, [], [])
        except psycopg2.Error as failure:
            raise DatabaseUnavailable from failure
        log.warning(
            "outbox.batch_failed",
            "Batch timed out or waited for a lock; it is retried in smaller batches",
            entries=len(batch),
            reason=text_of(error),
        )
        self._size = max(SMALLEST_BATCH, len(batch) // 2)
        self._suspects.halve(batch, clock.monotonic())

    def _try_again(self, group: SuspectGroup) -> None:
        """One of the groups that were set aside: all of it, half of it next time, or finally the entry at fault."""
        if not group.alone:
            self._complete(group.entries)
            return
        try:
            self._commit(group.entries)
        except psycopg2.Error as error:
            if not is_transient(error):
                self._complete(group.entries)
            elif group.tries < len(ALONE_SECONDS):
                self._suspects.wait(group, ALONE_SECONDS[group.tries], clock.monotonic())
            else:
                self._or_wait(group, partial(self._give_up, group, error))

    def _or_wait(self, group: SuspectGroup, act: Callable[[], None]) -> None:
        """Do this, or, if even rows for the failed effects cannot be written, set it aside for a while."""
        try:
            act()
        except psycopg2.Error:
            log_failure(group.entries[0].context)
            self._suspects.wait(group, LOCKED_SECONDS * (1 + min(group.tries, 5)), clock.monotonic())

    def _give_up(self, group: SuspectGroup, error: psycopg2.Error) -> None:
        """Give the remaining effects of an order that took too long repeatedly rows of their own, untried: from there
        each effect is tried alone, and the one at fault waits longer each time."""
        for entry in group.entries:
            for task in self._tasks_of(entry, entry.staged):
                self._defer(task, error)
            self._leave(entry)

    def _commit(self, batch: Sequence[OutboxEntry]) -> None:
        """One transaction: entries of which nothing is left are deleted, the others updated.

        Raises the database's error if the batch is poisoned; nothing has happened then.
        """
        if not batch:
            return
        begun = clock.monotonic()
        taken = [(entry, entry.staged, entry.staged == entry.remaining) for entry in batch]
        gone = [entry.id for entry, _, last in taken if last]
        kept = [entry.id for entry, _, last in taken if not last]
        few = self._careful and len(batch) <= FEW
        self._on_rows(self._run(self.statements.few if few else self.statements.everything, gone, kept))
        if len(batch) >= self._size:
            self._size = min(BATCH_LIMIT, 2 * self._size)
        masks = Counter((entry.event_type, bits) for entry, bits, _ in taken)
        self._metrics.completed(_kinds(masks), len(batch), clock.monotonic() - begun)
        for entry, bits, last in taken:
            entry.mark_done(bits)
            if last:
                self._held.discard(entry)
                self._on_completed(entry)
            else:
                self._leave(entry)

    def _isolate(self, entry: OutboxEntry) -> None:
        """Try the effects of an entry that fails as a whole one by one."""
        for task in self._tasks_of(entry, entry.staged):
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
        """What was staged of it is done. Its called effect may have ended meanwhile: then the row is left to delete."""
        self._held.discard(entry)
        if not entry.remaining:
            self.enqueue(entry)

    def _run(self, statement: Statement, *args: object) -> list[Row]:
        try:
            return self._pool.run(statement, args)
        except (psycopg2.Error, ServiceUnavailable) as error:
            if is_unavailable(error):
                raise DatabaseUnavailable from error
            raise


def _kinds(masks: Mapping[tuple[EventType, int], int]) -> dict[str, int]:
    """The number of effects of each kind in these entries, by event type and bits."""
    kinds: Counter[str] = Counter()
    for (event_type, mask), count in masks.items():
        kinds.update({effect.name: count for effect in event_type.effects if mask & 1 << effect.bit})
    return kinds
