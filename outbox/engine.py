"""One process's engine: promises come in after the commit, lanes do them, the sweeper brings back what was left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gevent
import psycopg2
import structlog

from foundation import clock
from foundation.connections import PreparedPool, Row
from foundation.errors import ServiceUnavailable
from foundation.logs import Trouble
from foundation.settings import Settings
from outbox import ledger
from outbox.batches import INSIDE, Away, InternalLane
from outbox.entries import Promise, PromisedTask
from outbox.handlers import all_kinds
from outbox.leases import Owed
from outbox.modes import SEQUENTIAL, Modes
from outbox.rescue import CLAIM_LIMIT, SWEEP_SECONDS, Sweeper
from outbox.settlement import Announcement, Statements
from side_effects import rows
from side_effects.bulkhead import CallingLane
from side_effects.effects import CalledEffect, Effect, PartFailed, Topic
from side_effects.kinds import Kind
from side_effects.liveness import Liveness
from side_effects.metrics import Figures
from side_effects.tasks import execute_in_background
from side_effects.worker import Worker

log = structlog.get_logger(__name__)

WAIT_LOOK_SECONDS = 0.02
"""How often somebody who waits for the effects of a change looks whether they have happened."""

FINISH_SECONDS = 10.0
"""How long a process that is never started tries to settle what it has done; the others take over what is left."""


class Engine:
    """Keeps the promises of the topics it is given."""

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[Topic],
        kinds: Sequence[Kind],
        announcement: Announcement,
        on_rows: Callable[[list[Row]], None],
    ) -> None:
        """Raises LookupError naming an effect that nobody handles."""
        self.modes = Modes(settings.side_effects_mode)
        self.topics = {topic.name: topic for topic in topics}
        self.figures = Figures()
        known = {topic.name: topic.everything for topic in topics}
        self.liveness = Liveness(settings.dsn)
        self._owed = Owed(Sweeper(self.liveness, known), self.topics)
        self._pool = PreparedPool(settings.dsn, 1, "internal")
        self.durable_pool = PreparedPool(settings.dsn, 2, "durable")  # so that no outcome waits behind a claim
        statements = Statements.of(topics, announcement)
        self.internal = InternalLane(
            self._pool, statements, settings.lane_limit, self.figures, on_rows, self._owed.forget, self._tasks
        )
        self._lanes = {
            effect.bit: CallingLane(effect.name, settings.signal_concurrency, settings.lane_limit)
            for topic in topics
            for effect in topic.effects
            if isinstance(effect, CalledEffect)
        }
        self.worker = Worker(
            self.durable_pool,
            all_kinds(topics, kinds, self.internal),
            self.topics,
            self.figures,
            self.liveness.sees_clearly,
        )
        self.retention_hours = settings.retention_hours
        self._trouble = Trouble("The outbox cannot be swept")
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    @property
    def owner(self) -> int:
        """This process's number, under which its promises are born leased."""
        return self.liveness.number

    def keep(self, promise: Promise) -> None:
        """Have a promise done that was just committed, leased to us: after the answer, or now in sequential mode."""
        self._owed.add(promise)
        if self.modes.any_sequential:
            self._execute_now(promise)
        else:
            self._begin(promise)

    def wait_for(self, topic: Topic, ref: int, subject_id: int, seconds: float) -> bool:
        """Return True when everything that was promised has happened, False after this many seconds."""
        deadline = clock.monotonic() + seconds
        while ledger.unfinished(self.durable_pool.run, topic.name, ref, subject_id):
            if clock.monotonic() >= deadline:
                return False
            gevent.sleep(WAIT_LOOK_SECONDS)
        return True

    def start(self) -> None:
        """Begin to work; to be called once in each process, after it was forked."""
        try:
            self.liveness.ensure_alive()
            self.modes.refresh(self._pool.run)
        except (psycopg2.Error, ServiceUnavailable):
            log.warning("No database yet; promises are born without an owner until it answers")
        self.worker.owner = self.owner
        loops = (self.internal.run, self._sweep_for_ever, self.liveness.stay_alive, self.worker.run)
        self._greenlets += [gevent.spawn(loop) for loop in loops]

    @property
    def kinds(self) -> set[str]:
        """The names of all effects, and of those that only have rows of their own."""
        return {effect.name for topic in self.topics.values() for effect in topic.effects} | self.worker.kinds.keys()

    @property
    def alive(self) -> bool:
        """Whether the lanes turn."""
        return bool(self._greenlets) and not any(greenlet.dead for greenlet in self._greenlets)

    def sweep(self) -> int:
        """Renew what we still work on and take over what nobody does; returns how many were taken over."""
        taken = self._owed.claim()
        self.worker.owner = self.owner
        self.modes.refresh(self._pool.run)
        called = [(task, orphaned) for one, orphaned in taken for task in self._tasks(one, one.topic.called)]
        self.internal.spilling.spill_called(called)
        for promise, _ in taken:
            self._owed.add(promise)
            if not promise.pending:
                self.internal.enqueue(promise)
            self._begin(promise)
        return len(taken)

    def wait_until_quiet(self) -> None:
        """Return when nothing that calls other code waits or runs in this process."""
        for lane in self._lanes.values():
            lane.wait_until_quiet()
        self.worker.wait_until_quiet()

    def finish(self) -> None:
        """Settle what was done in this greenlet; for a process that ends without ever being started."""
        deadline = clock.monotonic() + FINISH_SECONDS
        while not self.internal.quiet and self.internal.flush() and clock.monotonic() < deadline:
            pass

    def stop(self, timeout: float = 6.0) -> None:
        """Begin nothing more, finish what is under way within `timeout` seconds, hand the rest back."""
        deadline = clock.monotonic() + timeout
        for lane in self._lanes.values():
            lane.stop(timeout / 3)
        try:
            self.worker.stop(timeout / 3)
            # Where it was never started, nobody empties the queue.
            while self._greenlets and not self.internal.quiet and clock.monotonic() < deadline:
                gevent.sleep(0.01)
            self.internal.stop()
            gevent.killall(self._greenlets, timeout=1)
            self._owed.hand_back()
        except (psycopg2.Error, ServiceUnavailable):
            log.warning("What was left could not be handed back; its leases end in 15 s")
        gevent.killall(self._greenlets, timeout=1)
        self._greenlets.clear()
        self._owed.clear()
        self.liveness.close()
        self._pool.close()
        self.durable_pool.close()

    def _begin(self, promise: Promise) -> None:
        """Have the rows written with the next batch and the calls made by their lanes; a full lane leaves its part."""
        topic = promise.topic
        taken = self.internal.take(promise, promise.pending & topic.everything & ~topic.called)
        # What another version promised is left to it: our lease runs out when our part is done.
        promise.left = not taken or bool(promise.pending & ~topic.everything)
        execute_in_background(self._tasks(promise, promise.topic.called), promise.context)

    def _tasks(self, promise: Promise, mask: int) -> list[PromisedTask]:
        """Tasks for the pending ones of these effects."""
        effects = [one for one in enumerate(promise.topic.effects, 1) if promise.pending & mask & 1 << one[1].bit]
        tasks = [self._task(promise, number, effect) for number, effect in effects]
        promise.tasks += tasks
        return tasks

    def _task(self, promise: Promise, number: int, effect: Effect) -> PromisedTask:
        lane = self._lanes.get(effect.bit)
        return PromisedTask(
            effect.name,
            lane or self.internal,
            self._call if lane else self.internal.do_now,
            key=promise.ref if lane else None,
            number=number,
            total=max(number, promise.topic.always),
            context=promise.context,
            request_id=promise.request_id,
            promise=promise,
            effect=effect,
        )

    def _call(self, task: PromisedTask) -> None:
        """Call a called effect's destinations; those that fail are retried alone, from rows of their own."""
        effect, promise = task.effect, task.promise
        assert isinstance(effect, CalledEffect)
        begun, outcome = clock.monotonic(), "succeeded"
        try:
            effect.call(promise.fact)
            promise.pending &= ~task.bit
        except PartFailed as failed:
            task.report(failed)
            self.internal.spilling.spill([task], list(failed.failures.items()))
            outcome = "retry"
        except SystemExit:
            self._owed.forget(promise)  # to be found, and counted as a crash; handed back, it would be a clean start
            raise
        self.figures.attempted(effect.name, outcome, clock.monotonic() - begun)
        if not promise.pending:
            self.internal.enqueue(promise)

    def _execute_now(self, promise: Promise) -> None:
        """The old way for the kinds that are done sequentially: one after the other, before the answer."""
        tasks = self._tasks(promise, promise.pending)
        now = [task for task in tasks if self.modes.of(task.name) == SEQUENTIAL]
        for task in now:
            if task.run().kind != "succeeded" and task.outcome and task.outcome.error:
                self._keep_for_later(task, task.outcome.error)
        self.worker.finish_now(promise.topic.name, promise.subject_id, [task.name for task in now])
        execute_in_background([task for task in tasks if task not in now], promise.context)
        if not promise.pending:
            self.internal.enqueue(promise)

    def _keep_for_later(self, task: PromisedTask, error: BaseException) -> None:
        effect = task.effect
        destinations = effect.destinations() if isinstance(effect, CalledEffect) else [INSIDE]
        try:
            self.internal.spilling.spill([task], [(name, error) for name in destinations])
        except (Away, psycopg2.Error):
            log.warning("What failed could not be written down; its lease ends in 15 s", context=task.context)

    def _sweep_for_ever(self) -> None:
        while True:
            try:
                # A full hand means that more is waiting, and a full lane that it may wait there.
                while self.sweep() == CLAIM_LIMIT and self.internal.waiting < CLAIM_LIMIT:
                    gevent.sleep(0)
                lanes = [(lane.name, lane.waiting) for lane in self._lanes.values()]
                self.figures.waiting([*lanes, ("internal", self.internal.waiting)])
                self._pool.run(rows.PRUNE, (self.retention_hours,))
                self._trouble.over()
            except (psycopg2.Error, ServiceUnavailable, Away) as error:
                self._trouble.tell(error)
            except Exception:
                log.exception("The sweep failed")
            gevent.sleep(SWEEP_SECONDS)
