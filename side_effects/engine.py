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
from side_effects.effects import CalledEffect, Effect, Topic
from side_effects.internal import Away, InternalLane
from side_effects.lane import CallingLane
from side_effects.promise import Promise, PromisedTask
from side_effects.statement import Announcement, Statements
from side_effects.sweeper import CLAIM_LIMIT, LEASE_SECONDS, SWEEP_SECONDS, Sweeper
from side_effects.tasks import execute_in_background

log = structlog.get_logger(__name__)

RENEW_AFTER_SECONDS = LEASE_SECONDS / 3


class Engine:
    """Keeps the promises of the topics it is given."""

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[Topic],
        announcement: Announcement,
        on_rows: Callable[[list[Row]], None],
    ) -> None:
        self.mode = settings.side_effects_mode
        self._topics = {topic.name: topic for topic in topics}
        self._pool = PreparedPool(settings.dsn, 1, "internal")
        self.internal = InternalLane(
            self._pool, Statements.of(topics, announcement), settings.lane_limit, on_rows, self._forget
        )
        self._lanes = {
            effect.bit: CallingLane(effect.name, settings.signal_concurrency, settings.lane_limit)
            for topic in topics
            for effect in topic.effects
            if isinstance(effect, CalledEffect)
        }
        self._sweeper = Sweeper(settings.dsn)
        self._owed: dict[int, Promise] = {}
        self._trouble = Trouble("The outbox cannot be swept")
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    @property
    def owner(self) -> int:
        """This process's number, under which its promises are born leased."""
        return self._sweeper.number

    def keep(self, promise: Promise) -> None:
        """Have a promise done that was just committed, leased to us: after the answer, or now in sequential mode."""
        self._take(promise)
        if self.mode == "sequential":
            self._execute_now(promise)
        else:
            execute_in_background(promise.tasks, promise.context)

    def start(self) -> None:
        """Begin to work; to be called once in each process, after it was forked."""
        try:
            self._sweeper.ensure_alive()
        except (psycopg2.Error, ServiceUnavailable):
            log.warning("No database yet; promises are born without an owner until it answers")
        self._greenlets += [gevent.spawn(self.internal.run), gevent.spawn(self._sweep_for_ever)]

    @property
    def alive(self) -> bool:
        """Whether the lanes turn."""
        return bool(self._greenlets) and not any(greenlet.dead for greenlet in self._greenlets)

    def sweep(self) -> int:
        """Renew what we still work on and take over what nobody does; returns how many were taken over."""
        self._sweeper.ensure_alive()
        self._renew()
        rows = self._sweeper.claim(CLAIM_LIMIT)
        unknown = [row[1] for row in rows if row[1] not in self._topics]
        if unknown:
            log.error("The outbox holds promises of unknown topics; an older version cannot keep them", topics=unknown)
        for topic in self._topics.values():
            mine = [row for row in rows if row[1] == topic.name]
            facts = topic.load(self._pool.run, [row[2] for row in mine]) if mine else {}
            for id, _, subject_id, ref, pending, request_id in mine:
                promise = Promise(id, topic, subject_id, ref, pending, request_id, facts.get(subject_id))
                execute_in_background(self._take(promise).tasks, promise.context)
        return len(rows)

    def wait_until_quiet(self) -> None:
        """Return when no called effect waits or runs in this process."""
        for lane in self._lanes.values():
            lane.wait_until_quiet()

    def finish(self) -> None:
        """Settle what was done in this greenlet; for a process that ends without ever being started."""
        while not self.internal.quiet and self.internal.flush():
            pass

    def forget_everything(self) -> None:
        """Let go of all promises without doing them; their leases end."""
        self._owed.clear()
        self.internal.clear()

    def stop(self, timeout: float = 5.0) -> None:
        """Begin nothing more, finish what is under way within `timeout` seconds, hand the rest back."""
        deadline = clock.monotonic() + timeout
        for lane in self._lanes.values():
            lane.stop(timeout / 2)
        while not self.internal.quiet and clock.monotonic() < deadline:
            gevent.sleep(0.01)
        self.internal.stop()
        gevent.killall(self._greenlets, timeout=1)
        self._greenlets.clear()
        try:
            self._sweeper.hand_back(list(self._owed))
        except (psycopg2.Error, ServiceUnavailable):
            log.warning("The promises could not be handed back; their leases end in 15 s")
        self._owed.clear()
        self._sweeper.close()
        self._pool.close()

    def _take(self, promise: Promise) -> Promise:
        promise.tasks = [
            self._task(promise, number, effect)
            for number, effect in enumerate(promise.topic.effects, 1)
            if promise.pending & 1 << effect.bit
        ]
        self._owed[promise.id] = promise
        return promise

    def _task(self, promise: Promise, number: int, effect: Effect) -> PromisedTask:
        called = isinstance(effect, CalledEffect)
        return PromisedTask(
            effect.name,
            self._lanes[effect.bit] if called else self.internal,
            self._call if called else self.internal.do_now,
            number=number,
            total=len(promise.topic.effects),
            context=promise.context,
            request_id=promise.request_id,
            promise=promise,
            effect=effect,
        )

    def _call(self, task: PromisedTask) -> None:
        assert isinstance(task.effect, CalledEffect)
        task.effect.call(task.promise.fact)
        task.promise.pending &= ~task.bit
        if not task.promise.pending:
            self.internal.enqueue(task.promise)

    def _execute_now(self, promise: Promise) -> None:
        """The old way: one effect after the other, each in a transaction of its own."""
        for task in promise.tasks:
            task.run()
        if promise.pending:
            try:
                self.internal.postpone(promise)
            except Away:
                log.warning("What failed could not be postponed; its lease ends in 15 s", context=promise.context)
                self._forget(promise)
        else:
            self.internal.enqueue(promise)

    def _sweep_for_ever(self) -> None:
        while True:
            try:
                # A full hand means that more is waiting, and a full lane that it may wait there.
                while self.sweep() == CLAIM_LIMIT and self.internal.waiting < CLAIM_LIMIT:
                    gevent.sleep(0)
                self._trouble.over()
            except (psycopg2.Error, ServiceUnavailable) as error:
                self._trouble.tell(error)
            except Exception:
                log.exception("The sweep failed")
            gevent.sleep(SWEEP_SECONDS)

    def _renew(self) -> None:
        old = clock.monotonic() - RENEW_AFTER_SECONDS
        waiting = [promise for promise in self._owed.values() if promise.since < old]
        abandoned = [promise for promise in waiting if any(task.left for task in promise.tasks)]
        for promise in abandoned:
            self._forget(promise)  # its lease ends, and the sweeper brings it back
        ids = [promise.id for promise in waiting if promise.id in self._owed]
        renewed = self._sweeper.renew(ids)
        for id in ids:
            if id in renewed:
                self._owed[id].since = clock.monotonic()
            else:
                self._owed.pop(id, None)

    def _forget(self, promise: Promise) -> None:
        self._owed.pop(promise.id, None)
