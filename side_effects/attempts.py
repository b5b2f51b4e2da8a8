"""One attempt at a durable side effect, from its claim to its record: see `Attempts.execute`."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import gevent
import psycopg2
from gevent.lock import BoundedSemaphore

from foundation import clock
from foundation.connections import PreparedPool, is_transient, is_unavailable
from foundation.errors import ServiceUnavailable
from foundation.logs import FailureLog, get_logger
from side_effects.circuits import SharedCircuits
from side_effects.claims import Claims
from side_effects.kinds import Claimed, Kind
from side_effects.metrics import Metrics
from side_effects.retry import Outcome, Postponed, decide, failed, fingerprint, spent, storable
from side_effects.rows import RECORD
from side_effects.tasks import ENDING, Task

log = get_logger(__name__)

INSIST_SECONDS = 0.25
"""How long to wait before the next try while the database is unavailable."""

NOT_ATTEMPTED = -1.0


class Attempts:
    """Makes the attempts of one process."""

    def __init__(
        self,
        pool: PreparedPool,
        kinds: Mapping[str, Kind],
        claims: Claims,
        circuits: SharedCircuits,
        metrics: Metrics,
        failures: FailureLog,
        on_end: Callable[[], object],
    ) -> None:
        """`on_end` is called after each: a slot is free."""
        self._kinds = kinds
        self._claims = claims
        self._circuits = circuits
        self._metrics = metrics
        self._recorder = Recorder(pool)
        self._failures = failures
        self._on_end = on_end

    def execute(self, claimed: Claimed, _task: Task | None = None) -> None:
        """The life of one attempt at a side effect that this process has claimed: check, call, decide, record, and
        release."""
        kind = self._kinds[claimed.kind]
        try:
            with self._claims.held(claimed):
                allowed = self._circuits.allows(claimed.destination)
                begun = clock.monotonic()
                outcome = self._call(kind, claimed) if allowed else None
                if outcome is None:
                    self._claims.untried = True  # it is released, and no attempt was spent
                elif not (kind.records_itself and outcome.kind == "succeeded"):
                    decided = self._decide(kind, claimed, outcome, clock.monotonic() - begun)
                    self._record(kind, claimed, outcome, decided)
        finally:
            self._on_end()

    def _call(self, kind: Kind, claimed: Claimed) -> Outcome | None:
        """The outcome; None if our own database is unavailable, or the attempt was postponed: neither says anything
        about the destination."""
        begun = clock.monotonic()
        try:
            with gevent.Timeout(kind.timeout):
                outcome = kind.attempt(claimed)
        except gevent.Timeout:
            outcome = Outcome("retry", f"no answer within {kind.timeout:g} s")
        except ENDING:
            raise
        except Postponed:
            return None
        except BaseException as error:
            if is_unavailable(error):
                self._failures.failed(error)
                return None
            log.exception(
                "side_effect.raised",
                "Side effect failed with an unexpected exception",
                kind=kind.name,
                side_effect=claimed.id,
            )
            outcome = failed(error)
        self._metrics.attempted(kind.name, outcome.kind, clock.monotonic() - begun)
        return outcome

    def _decide(self, kind: Kind, claimed: Claimed, outcome: Outcome, seconds: float) -> Recorded:
        """Its next state, and how many attempts have been spent."""
        counted = spent(outcome, claimed.attempts, claimed.probe)
        after = decide(outcome, max(1, counted), kind.delays, random.random())
        reason = storable(outcome.reason)
        attempted = outcome.kind not in ("later", "superseded")
        return Recorded(
            claimed.id,
            claimed.attempts,
            counted,
            after.status,
            after.delay,
            reason,
            fingerprint(reason),
            seconds if attempted else NOT_ATTEMPTED,
        )

    def _record(self, kind: Kind, claimed: Claimed, outcome: Outcome, decided: Recorded) -> None:
        if not kind.records_itself:
            # The circuit first: other processes should know of a failing destination before they claim again.
            self._report_to_circuit(kind, claimed, outcome)
        if not self._recorder.record(decided):
            log.warning("side_effect.lease_lost", "Lease lost; outcome of the attempt ignored", side_effect=claimed.id)
        elif decided.status == "dead":
            self._metrics.died(kind.name)
            log.error(
                "side_effect.dead",
                "Side effect given up; it is a dead letter now",
                kind=kind.name,
                side_effect=claimed.id,
                reason=outcome.reason,
            )

    def _report_to_circuit(self, kind: Kind, claimed: Claimed, outcome: Outcome) -> None:
        """A failure of our own database must not keep us from recording."""
        try:
            if outcome.verdict == "nothing":
                if claimed.probe:
                    self._circuits.give_back(claimed.destination)
            else:
                self._circuits.note(claimed.destination, outcome.verdict, storable(outcome.reason), kind)
        except (psycopg2.Error, ServiceUnavailable) as error:
            self._failures.failed(error)


@dataclass(eq=False)
class Recorded:
    """The record of one attempt, in the order of the statement's parameters."""

    id: int
    attempt: int
    """Its number; it is the fence."""

    spent: int
    """How many attempts have been spent now."""

    status: str
    delay: float
    error: str
    fingerprint: str
    seconds: float
    """How long the attempt took; NOT_ATTEMPTED if the destination was not called."""

    written: bool | None = None
    """Whether it was recorded; False if the lease was lost meanwhile. None before it was tried."""


class Recorder:
    """Records the outcomes of one process: those that arrive while a statement is in progress are recorded together by
    the next one.

    Between a destination's reply and our commit, a crash causes a second call. Sixteen outcomes one after another over
    one connection made that window 30 ms long, and every kill sent four e-mails again.
    """

    def __init__(self, pool: PreparedPool) -> None:
        self._pool = pool
        self._waiting: list[Recorded] = []
        self._turn = BoundedSemaphore()

    def record(self, mine: Recorded) -> bool:
        """Record it, however long the database is unavailable: otherwise it would happen again. False if the lease was
        lost: then nothing has changed."""
        self._waiting.append(mine)
        with self._turn:
            if mine.written is None:
                others = [one for one in self._waiting if one is not mine]
                self._waiting = []
                try:
                    self._write([mine, *others])
                except psycopg2.Error:
                    # One of them may have been the cause; each of the others is recorded alone.
                    self._write([mine])
        return bool(mine.written)

    def _write(self, batch: Sequence[Recorded]) -> None:
        batch = sorted(batch, key=lambda one: one.id)  # so that no two processes lock the same rows in opposite order
        lines = [(o.id, o.attempt, o.spent, o.status, o.delay, o.error, o.fingerprint, o.seconds) for o in batch]
        args = [list(column) for column in zip(*lines, strict=True)]
        while True:
            try:
                written = {id for (id,) in self._pool.run(RECORD, args)}
                break
            except (psycopg2.Error, ServiceUnavailable) as error:
                if not is_transient(error):
                    raise
                gevent.sleep(INSIST_SECONDS)
        for one in batch:
            one.written = one.id in written
