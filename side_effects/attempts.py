"""One attempt at a durable side effect, from its claim to what is recorded of it: `Attempts.execute` tells its life."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import gevent
import psycopg2
from gevent.lock import BoundedSemaphore

from foundation import clock
from foundation.connections import PreparedPool, away, passing
from foundation.errors import ServiceUnavailable
from foundation.logs import FailureLog, get_logger
from side_effects.circuits import Circuits
from side_effects.claims import Claims
from side_effects.kinds import Claimed, Kind
from side_effects.metrics import Metrics
from side_effects.retry import Outcome, decide, failed, fingerprint, spent, storable
from side_effects.rows import RECORD
from side_effects.tasks import ENDING, Task

log = get_logger(__name__)

INSIST_SECONDS = 0.25
"""How long to wait before the next try while the database is away."""


class Attempts:
    """Makes the attempts of one process."""

    def __init__(
        self,
        pool: PreparedPool,
        kinds: Mapping[str, Kind],
        claims: Claims,
        circuits: Circuits,
        metrics: Metrics,
        failures: FailureLog,
        on_end: Callable[[], object],
    ) -> None:
        """`on_end` is called after each: there is room for another."""
        self._kinds = kinds
        self._claims = claims
        self._circuits = circuits
        self._metrics = metrics
        self._recorder = Recorder(pool)
        self._failures = failures
        self._on_end = on_end

    def execute(self, claimed: Claimed, _task: Task | None = None) -> None:
        """The life of one attempt at what this process has claimed: check, call, decide, record, and let go."""
        kind = self._kinds[claimed.kind]
        try:
            with self._claims.held(claimed):
                allowed = self._circuits.allows(claimed.destination)
                outcome = self._call(kind, claimed) if allowed else None
                if outcome is None:
                    self._claims.untried = True  # it is handed back, and no attempt was spent
                elif not (kind.records_itself and outcome.kind == "succeeded"):
                    decided = self._decide(kind, claimed, outcome)
                    self._record(kind, claimed, outcome, decided)
        finally:
            self._on_end()

    def _call(self, kind: Kind, claimed: Claimed) -> Outcome | None:
        """How it went; None when our own database is away, which says nothing of the destination."""
        begun = clock.monotonic()
        try:
            with gevent.Timeout(kind.timeout):
                outcome = kind.attempt(claimed)
        except gevent.Timeout:
            outcome = Outcome("retry", f"no answer within {kind.timeout:g} s")
        except ENDING:
            raise
        except BaseException as error:
            if away(error):
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

    def _decide(self, kind: Kind, claimed: Claimed, outcome: Outcome) -> Recorded:
        """What becomes of it, and how many attempts have been spent now."""
        counted = spent(outcome, claimed.attempts, claimed.probe)
        after = decide(outcome, max(1, counted), kind.delays, random.random())
        reason = storable(outcome.reason)
        return Recorded(claimed.id, claimed.attempts, counted, after.status, after.delay, reason, fingerprint(reason))

    def _record(self, kind: Kind, claimed: Claimed, outcome: Outcome, decided: Recorded) -> None:
        if not kind.records_itself:
            # The circuit first: the others should know of a sick destination before they claim anew.
            self._tell_circuit(kind, claimed, outcome)
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

    def _tell_circuit(self, kind: Kind, claimed: Claimed, outcome: Outcome) -> None:
        """That our own database is away must not keep us from recording."""
        try:
            if outcome.heard == "nothing":
                if claimed.probe:
                    self._circuits.give_back(claimed.destination)
            else:
                self._circuits.note(claimed.destination, outcome.heard, storable(outcome.reason), kind)
        except (psycopg2.Error, ServiceUnavailable) as error:
            self._failures.failed(error)


@dataclass(eq=False)
class Recorded:
    """What is to be written down of one attempt, in the order of the statement's parameters."""

    id: int
    attempt: int
    """Its number; it is the fence."""

    spent: int
    """How many attempts have been spent now."""

    status: str
    delay: float
    error: str
    fingerprint: str
    written: bool | None = None
    """Whether it was written; not so where the lease was lost meanwhile. None as long as nobody has tried."""


class Recorder:
    """One process's pen: outcomes that come while a statement is under way leave together in the next one.

    Between a destination's yes and our commit lies the moment in which a crash has it called once more. Sixteen
    outcomes in single file over one connection made that moment 30 ms long, and every kill sent four mails again.
    """

    def __init__(self, pool: PreparedPool) -> None:
        self._pool = pool
        self._waiting: list[Recorded] = []
        self._turn = BoundedSemaphore()

    def record(self, mine: Recorded) -> bool:
        """Write it down, however long the database is away: forgotten, it would happen again. False where the lease
        was lost: then nothing has changed."""
        self._waiting.append(mine)
        with self._turn:
            if mine.written is None:
                others = [one for one in self._waiting if one is not mine]
                self._waiting = []
                try:
                    self._write([mine, *others])
                except psycopg2.Error:
                    # One of them may have been the reason; each of the others comes to its own turn.
                    self._write([mine])
        return bool(mine.written)

    def _write(self, batch: Sequence[Recorded]) -> None:
        batch = sorted(batch, key=lambda one: one.id)  # so that no two processes lock the same rows crosswise
        lines = [(o.id, o.attempt, o.spent, o.status, o.delay, o.error, o.fingerprint) for o in batch]
        args = [list(column) for column in zip(*lines, strict=True)]
        while True:
            try:
                written = {id for (id,) in self._pool.run(RECORD, args)}
                break
            except (psycopg2.Error, ServiceUnavailable) as error:
                if not passing(error):
                    raise
                gevent.sleep(INSIST_SECONDS)
        for one in batch:
            one.written = one.id in written
