"""The worker of durable side effects: claims due ones, makes one attempt each, and records the outcome.

A side effect is pending until a worker claims it, running while its lease lasts, then succeeded, pending again at a
later time, or dead. A worker that dies leaves a lease behind; such rows return to pending, and the crash is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import gevent
import psycopg2
from gevent.event import Event

from foundation import clock
from foundation.connections import PreparedPool, Row
from foundation.errors import ServiceUnavailable
from foundation.logs import FailureLog, get_logger
from side_effects import rows
from side_effects.attempts import Attempts
from side_effects.circuits import SharedCircuits
from side_effects.claims import Claims
from side_effects.effects import EventType
from side_effects.kinds import Claimed, Kind
from side_effects.liveness import ALL_TIME_SECONDS, LEASE_SECONDS, LOOK_BACK_SECONDS
from side_effects.metrics import Metrics
from side_effects.tasks import Task, TaskQueue

log = get_logger(__name__)

LOOK_SECONDS = 0.5
"""How often each worker looks for due side effects, unless an attempt that ended frees a slot."""

GATHER_SECONDS = 0.02
"""Slots of attempts that end in quick succession are refilled together: a look runs half a dozen statements."""

LONG_BEFORE = float("-inf")
FULL_LOOK_SECONDS = 30.0
FULL_RESCUE_SECONDS = 120.0
"""What was abandoned while nobody looked is found by a process's first look, its first after failures, and these."""

WITHDRAWN_AT_ONCE = 2000
"""Rows that a statement judges; some 50 ms."""

FLOOR_MARGIN = timedelta(seconds=15)
"""Rows may be committed later than they were scheduled, by less than any statement may take. Older ones are found by
the full look."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Worker:
    """Runs the durable side effects of one process: a bulkhead per kind."""

    def __init__(
        self,
        pool: PreparedPool,
        kinds: Sequence[Kind],
        event_types: Mapping[str, EventType],
        metrics: Metrics,
        sees_clearly: Callable[[], bool],
    ) -> None:
        self._pool = pool
        self.kinds = {kind.name: kind for kind in kinds}
        self._statements = rows.ClaimStatements.of(kinds)
        self._metrics = metrics
        self._sees_clearly = sees_clearly
        self.circuits = SharedCircuits(pool.run)
        self._bulkheads = {kind.name: TaskQueue(kind.name, kind.concurrency, kind.concurrency) for kind in kinds}
        self._claims = Claims(pool, event_types)
        self._lower_bounds: dict[str, datetime] = {}
        self._looked_fully_at = self._renewed_at = self._rescued_at = self._flushed_at = 0.0
        self._rescued_fully_at = LONG_BEFORE
        self._wake = Event()
        self._failures = FailureLog(
            failed=("side_effects.database_unavailable", "Database unavailable; due side effects wait"),
            recovered=("side_effects.database_recovered", "Database available again; due side effects are claimed"),
        )
        self._attempts = Attempts(
            pool, self.kinds, self._claims, self.circuits, metrics, self._failures, on_end=self._wake.set
        )
        self._stopping = False
        self.owner = 0

    def run(self) -> None:
        """Poll, claim and attempt until stopped."""
        while not self._stopping:
            if self._wake.wait(LOOK_SECONDS):
                gevent.sleep(GATHER_SECONDS)
            self._wake.clear()
            if self._claims.untried or not self.owner:
                gevent.sleep(LOOK_SECONDS)  # do not retry in a tight loop what could not be tried
                if not self.owner:
                    continue
            try:
                self.look()
                self._failures.recovered()
            except (psycopg2.Error, ServiceUnavailable) as error:
                self._note_failure(error)

    def look(self) -> int:
        """One round: renew, release, rescue, read the circuits, claim up to the capacity; returns how many."""
        now = clock.monotonic()
        if now - self._looked_fully_at > FULL_LOOK_SECONDS:
            self._looked_fully_at, self._lower_bounds = now, {}
            self._abandon()
        if now - self._renewed_at > LEASE_SECONDS / 3:
            self._claims.renew(self.owner)
            self._renewed_at = now
        if self._claims.untried:
            self._claims.hand_back(self.owner)
        if now - self._rescued_at >= LOOK_SECONDS:
            self._rescue(now)
        if now - self._flushed_at >= LOOK_SECONDS:  # two statements for each destination
            self._flushed_at = now
            self.circuits.flush()
        self._learn_circuits()
        found = sum(self._claim(self.kinds[name], at) for name, at in self._due_kinds())
        if self.circuits.half_open:
            found += sum(map(self._probe, self.kinds.values()))
        return found

    def finish_now(self, event_type: str, event_id: int, kinds: Sequence[str]) -> None:
        """Make the first attempts at these kinds of this event here and now: sequential mode."""
        durable = [name for name in kinds if name in self.kinds]
        if not durable:
            return
        try:
            for claimed in self._claims.take(self._statements.of_subject, event_type, event_id, self.owner, durable):
                self._attempts.execute(claimed)
        except (psycopg2.Error, ServiceUnavailable) as error:
            self._note_failure(error)  # the background does it when the database is back

    def wait_until_quiet(self) -> None:
        """Return when no attempt is in progress in this process."""
        for bulkhead in self._bulkheads.values():
            bulkhead.wait_until_quiet()

    def stop(self, timeout: float) -> None:
        """Claim nothing more, let attempts end within `timeout` seconds, release the rest without counting an
        attempt."""
        self._stopping = True
        self._wake.set()
        deadline = clock.monotonic() + timeout
        for bulkhead in self._bulkheads.values():
            bulkhead.stop(max(0.1, deadline - clock.monotonic()))
        self._claims.hand_back_all(self.owner)
        self.circuits.flush()

    def _rescue(self, now: float) -> None:
        if not self._sees_clearly():
            self._rescued_fully_at = LONG_BEFORE
            return
        full = now - self._rescued_fully_at > FULL_RESCUE_SECONDS
        found = self._pool.run(rows.RESCUE, (ALL_TIME_SECONDS if full else LOOK_BACK_SECONDS,))
        self._rescued_at, self._rescued_fully_at = now, now if full else self._rescued_fully_at
        for id, kind, status, crashes in found:
            self._metrics.crashed(kind)
            if status == "dead":
                self._metrics.died(kind)
            log.error(
                "side_effect.crashed",
                "Process ended during an attempt",
                side_effect=id,
                kind=kind,
                status=status,
                crashes=crashes,
            )

    def _abandon(self) -> None:
        """Give up what no process has been able to do for long."""
        for kind in self.kinds.values():
            if kind.destinations is not None:
                for id, destination in self._pool.run(rows.ABANDON, (kind.name, list(kind.destinations()))):
                    self._metrics.died(kind.name)
                    log.error(
                        "side_effect.receiver_gone",
                        "Side effect given up; no process has a receiver of this name",
                        side_effect=id,
                        kind=kind.name,
                        destination=destination,
                    )

    def _learn_circuits(self) -> None:
        before = set(self.circuits.states)
        self.circuits.refresh()
        if before - set(self.circuits.states):
            self._lower_bounds.clear()  # rows parked for a destination may lie below them

    def _due_kinds(self) -> list[Row]:
        lower_bounds = [self._lower_bounds.get(name, LONG_AGO) for name in self.kinds]
        return self._pool.run(rows.DUE_KINDS, (list(self.kinds), lower_bounds))

    def _claim(self, kind: Kind, at: datetime) -> int:
        """Start what is due at that moment and allowed, as far as there is capacity; returns how many."""
        capacity = self._capacity(kind)
        if capacity <= 0:
            return 0
        if kind.claim is not None:
            found = self._claims.take(kind.claim, capacity, self.owner)
            return self._offer_all(found, more=len(found) >= capacity)
        if kind.order == "latest":
            self._pool.run(rows.SUPERSEDE, (kind.name,))
        known = None if kind.destinations is None else list(kind.destinations())
        lower_bound = self._lower_bounds.get(kind.name, LONG_AGO)
        found = self._claims.take(self._statements.due, kind.name, capacity, self.owner, lower_bound, known)
        withdrawn = len(found) < capacity and self._withdraw(kind, lower_bound)
        if found:
            self._lower_bounds[kind.name] = min(one.scheduled_at for one in found) - FLOOR_MARGIN
        elif not withdrawn and (self.circuits.states or known is not None):
            # Everything due is parked, or for other processes. Scanned anew each time, 500,000 rows took 0.8 s, twice a
            # second.
            self._lower_bounds[kind.name] = at - FLOOR_MARGIN
        return self._offer_all(found, more=len(found) >= capacity or withdrawn)

    def _offer_all(self, found: list[Claimed], more: bool) -> int:
        self._offer(found)
        if more:
            self._wake.set()  # there may be more; look again when there is capacity
        return len(found)

    def _withdraw(self, kind: Kind, lower_bound: datetime) -> bool:
        """Record as superseded what is due and not wanted any more; whether there was any."""
        if not kind.no_longer_due:
            return False
        return bool(self._pool.run(self._statements.withdraw, (kind.name, WITHDRAWN_AT_ONCE, lower_bound)))

    def _probe(self, kind: Kind) -> int:
        """Start the probes of destinations that may be back; returns how many."""
        found = 0
        for destination in self.circuits.half_open:
            if self._reaches(kind, destination) and self._capacity(kind) > 0:
                probes = self._claims.take(self._statements.probe, destination, kind.name, self.owner)
                self._offer([replace(one, probe=True) for one in probes])
                found += len(probes)
        return found

    def _reaches(self, kind: Kind, destination: str) -> bool:
        """Whether this kind may have something for a destination; hundreds of endpoints are not asked for each kind."""
        owner = next((one for one in self.kinds.values() if one.prefix and destination.startswith(one.prefix)), None)
        if owner is not None or kind.prefix:
            return owner is kind
        return kind.destinations is None or destination in kind.destinations()

    def _capacity(self, kind: Kind) -> int:
        return 0 if self._stopping else kind.concurrency - self._claims.count(kind.name)

    def _offer(self, found: list[Claimed]) -> None:
        for claimed in found:
            bulkhead = self._bulkheads[claimed.kind]
            if not bulkhead.try_enqueue(Task(claimed.kind, bulkhead, partial(self._attempts.execute, claimed))):
                self._claims.let_go(claimed)
                self._claims.untried = True

    def _note_failure(self, error: Exception) -> None:
        self._claims.untried = True  # a claim may have been made, and its response lost
        self._failures.failed(error)
