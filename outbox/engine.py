"""The engine of one process: dispatches committed entries to batch writer and bulkheads, and rescues abandoned ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gevent
import psycopg2

from foundation import clock
from foundation.connections import PreparedPool, Row
from foundation.errors import ServiceUnavailable
from foundation.logs import FailureLog, get_logger
from foundation.settings import Settings
from outbox import ledger
from outbox.batches import INSIDE, BatchWriter, DatabaseUnavailable
from outbox.completion import Announcement, Forms
from outbox.deferral import log_failure
from outbox.entries import EntryTask, Leases, OutboxEntry
from outbox.handlers import all_kinds
from outbox.modes import SEQUENTIAL, Modes
from outbox.rescue import CLAIM_LIMIT, RESCUE_SECONDS, Rescuer
from side_effects import rows
from side_effects.effects import CalledEffect, Effect, EventType, PartFailed, mask_of
from side_effects.kinds import Kind
from side_effects.liveness import Liveness
from side_effects.metrics import Metrics
from side_effects.tasks import TaskQueue, execute_in_background
from side_effects.worker import Worker

log = get_logger(__name__)

WAIT_LOOK_SECONDS = 0.02
"""How often a request that waits for the effects of a change checks whether they are done."""

FINISH_SECONDS = 10.0
"""How long a process that is never started tries to complete what it has done; other processes take over the rest."""


class Engine:
    """Processes the entries of the given event types."""

    def __init__(
        self,
        settings: Settings,
        event_types: Sequence[EventType],
        announcement: Announcement,
        on_rows: Callable[[list[Row]], None],
        kinds: Sequence[Kind] = (),
    ) -> None:
        """Raises LookupError naming an effect without a handler."""
        self.modes = Modes(settings.side_effects_mode)
        self.event_types = {event_type.name: event_type for event_type in event_types}
        self.metrics = Metrics()
        known = {event_type.name: event_type.everything for event_type in event_types}
        self.liveness = Liveness(settings.dsn)
        self._leases = Leases(Rescuer(self.liveness, known), self.event_types)
        self._pool = PreparedPool(settings.dsn, 1, "internal")
        self.durable_pool = PreparedPool(settings.dsn, 2, "durable")  # so that no outcome waits behind a claim
        self.forms = Forms.of(event_types, announcement)
        self.writer = BatchWriter(
            self._pool, self.forms, settings.queue_limit, self.metrics, on_rows, self._leases.forget, self._tasks
        )
        self._bulkheads = {
            effect.bit: TaskQueue(effect.name, settings.signal_concurrency, settings.queue_limit)
            for event_type in event_types
            for effect in event_type.effects
            if isinstance(effect, CalledEffect)
        }
        self.worker = Worker(
            self.durable_pool,
            (*all_kinds(event_types, self.writer), *kinds),
            self.event_types,
            self.metrics,
            self.liveness.sees_clearly,
        )
        self.retention_hours = settings.retention_hours
        self._failures = FailureLog(
            failed=("outbox.rescue_failed", "Abandoned outbox entries could not be searched for; retrying"),
            recovered=("outbox.rescue_recovered", "Abandoned outbox entries are searched for again"),
        )
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def appending_backends(self) -> set[int]:
        """The server processes through which this process appends to the log."""
        return self._pool.backends()

    @property
    def owner(self) -> int:
        """This process's number; its new entries are leased to it."""
        return self.liveness.number

    def dispatch(self, entry: OutboxEntry) -> None:
        """Process an entry that was just committed with our lease: after the response, or now in sequential mode."""
        if self.modes.any_sequential:
            self._execute_now(entry)
        else:
            self._begin(entry, entry.remaining)

    def wait_for(self, event_type: EventType, order_id: int, event_id: int, seconds: float) -> bool:
        """Return True when all effects are done, False after this many seconds."""
        deadline = clock.monotonic() + seconds
        while ledger.unfinished(self.durable_pool.run, event_type.name, order_id, event_id):
            if clock.monotonic() >= deadline:
                return False
            gevent.sleep(WAIT_LOOK_SECONDS)
        return True

    def start(self) -> None:
        """Start working; to be called once in each process, after the fork."""
        try:
            self.liveness.ensure_alive()
            self.modes.refresh(self._pool.run)
        except (psycopg2.Error, ServiceUnavailable):
            log.warning(
                "outbox.started_without_database",
                "Database unavailable at start; outbox entries have no owner until it answers",
            )
        self.worker.owner = self.owner
        loops = (self.writer.run, self._rescue_for_ever, self.liveness.stay_alive, self.worker.run)
        self._greenlets += [gevent.spawn(loop) for loop in loops]

    @property
    def kinds(self) -> set[str]:
        """The names of all effects, and of those that only have rows of their own."""
        return {
            effect.name for event_type in self.event_types.values() for effect in event_type.effects
        } | self.worker.kinds.keys()

    @property
    def alive(self) -> bool:
        """Whether batch writer and bulkheads are running."""
        return bool(self._greenlets) and not any(greenlet.dead for greenlet in self._greenlets)

    def look(self) -> int:
        """Renew the leases of what is in progress, and take over abandoned entries; returns how many."""
        taken = self._leases.claim()
        self.worker.owner = self.owner
        self.modes.refresh(self._pool.run)
        called = [(task, orphaned) for one, orphaned in taken for task in self._tasks(one, one.event_type.called)]
        self.writer.deferral.defer_called(called)
        for entry, _ in taken:
            if not entry.remaining:
                self.writer.enqueue(entry)
            # A call that could not be given a row of its own waits for the next scan.
            self._begin(entry, entry.remaining & ~(entry.event_type.called if entry.abandoned else 0))
        return len(taken)

    def wait_until_quiet(self) -> None:
        """Return when nothing that calls other code is waiting or running in this process."""
        for bulkhead in self._bulkheads.values():
            bulkhead.wait_until_quiet()
        self.worker.wait_until_quiet()

    def finish(self) -> None:
        """Complete what was done in this greenlet; for a process that exits without ever being started."""
        deadline = clock.monotonic() + FINISH_SECONDS
        while not self.writer.quiet and self.writer.flush() and clock.monotonic() < deadline:
            pass

    def stop(self, timeout: float = 6.0) -> None:
        """Start nothing more, finish what is in progress within `timeout` seconds, release the rest."""
        deadline = clock.monotonic() + timeout
        for bulkhead in self._bulkheads.values():
            bulkhead.stop(timeout / 3)
        try:
            self.worker.stop(timeout / 3)
            # If it was never started, nothing empties the queue.
            while self._greenlets and not self.writer.quiet and clock.monotonic() < deadline:
                gevent.sleep(0.01)
            self.writer.stop()
            gevent.killall(self._greenlets, timeout=1)
            self._leases.hand_back()
        except (psycopg2.Error, ServiceUnavailable):
            log.warning("outbox.release_failed", "Leases could not be released at shutdown; they expire within 15 s")
        gevent.killall(self._greenlets, timeout=1)
        self._greenlets.clear()
        self._leases.clear()
        self.liveness.close()
        self._pool.close()
        self.durable_pool.close()

    def _begin(self, entry: OutboxEntry, bits: int) -> None:
        """Have these effects done: rows with the next batch, calls by their bulkheads unless these are full."""
        event_type = entry.event_type
        calls = self._tasks(entry, bits & event_type.called)
        self._leases.add(entry)
        entry.stage(bits & event_type.written)
        if entry.staged and not self.writer.try_enqueue(entry):
            entry.stage(0)
            entry.abandon()
        # Effects that only another version knows are left to it: our lease expires when our part is done.
        if entry.remaining & ~event_type.everything:
            entry.abandon()
        execute_in_background(calls)

    def _tasks(self, entry: OutboxEntry, mask: int) -> list[EntryTask]:
        """Tasks for the remaining ones of these effects."""
        bits = entry.remaining & mask
        effects = [one for one in enumerate(entry.event_type.effects, 1) if bits & 1 << one[1].bit]
        return [self._task(entry, number, effect) for number, effect in effects]

    def _task(self, entry: OutboxEntry, number: int, effect: Effect) -> EntryTask:
        bulkhead = self._bulkheads.get(effect.bit)
        return EntryTask(
            effect.name,
            bulkhead,
            self._call if bulkhead else self.writer.do_now,
            key=entry.order_id if bulkhead else None,
            number=number,
            total=max(number, entry.event_type.always),
            context=entry.context,
            request_id=entry.request_id,
            entry=entry,
            effect=effect,
        )

    def _call(self, task: EntryTask) -> None:
        """Call a called effect's destinations; those that fail are retried alone, from rows of their own."""
        effect, entry = task.effect, task.entry
        assert isinstance(effect, CalledEffect)
        begun, outcome = clock.monotonic(), "succeeded"
        try:
            effect.call(entry.payload)
            entry.mark_done(task.bit)
        except PartFailed as failed:
            task.report(failed)
            self.writer.deferral.defer([task], list(failed.failures.items()))
            outcome = "retry"
        except SystemExit:
            self._leases.forget(entry)  # to be found, and counted as a crash; released, it would start afresh
            raise
        self.metrics.attempted(effect.name, outcome, clock.monotonic() - begun)
        if not entry.remaining:
            self.writer.enqueue(entry)

    def _execute_now(self, entry: OutboxEntry) -> None:
        """Sequential mode: the effects of these kinds one after another, before the response."""
        self._leases.add(entry)
        tasks = self._tasks(entry, entry.remaining)
        now = [task for task in tasks if self.modes.of(task.name) == SEQUENTIAL]
        later = entry.remaining & ~mask_of([task.effect for task in now])
        for task in now:
            if task.run().kind != "succeeded" and task.outcome and task.outcome.error:
                self._keep_for_later(task, task.outcome.error)
        self.worker.finish_now(entry.event_type.name, entry.event_id, [task.name for task in now])
        if later:
            self._begin(entry, later)
        if not entry.remaining:
            self.writer.enqueue(entry)

    def _keep_for_later(self, task: EntryTask, error: BaseException) -> None:
        effect = task.effect
        destinations = effect.destinations() if isinstance(effect, CalledEffect) else [INSIDE]
        try:
            self.writer.deferral.defer([task], [(name, error) for name in destinations])
        except (DatabaseUnavailable, psycopg2.Error):
            log_failure(task.context)

    def _rescue_for_ever(self) -> None:
        while True:
            try:
                # A full result means that more is waiting; with full bulkheads it has to wait.
                while self.look() == CLAIM_LIMIT and self.writer.waiting < CLAIM_LIMIT:
                    gevent.sleep(0)
                bulkheads = [(bulkhead.name, bulkhead.waiting) for bulkhead in self._bulkheads.values()]
                self.metrics.waiting([*bulkheads, ("internal", self.writer.waiting)])
                self._pool.run(rows.PRUNE, (self.retention_hours,))
                self._failures.recovered()
            except (psycopg2.Error, ServiceUnavailable, DatabaseUnavailable) as error:
                self._failures.failed(error)
            except Exception:
                log.exception(
                    "outbox.rescue_raised", "Search for abandoned outbox entries raised an unexpected exception"
                )
            gevent.sleep(RESCUE_SECONDS)
